#!/bin/sh
# jpeg.sh PHOTO LIMIT: a JPEG under LIMIT bytes, by mediafit, ImageMagick and sharp, one thread each: CPU seconds, memory, bytes.
# Needs a release build, ImageMagick, GNU time, and sharp from npm (NODE_PATH names the folder that holds it).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
photo=$1
limit=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/policy.json" <<JSON
{"image": {"size": {"hard_bytes": $limit, "target_bytes": $limit}}}
JSON
export VIPS_CONCURRENCY=1 OMP_NUM_THREADS=1 MAGICK_THREAD_LIMIT=1
timed() { name=$1; shift; /usr/bin/time -f "$name: %U s user, %S s system, %M KiB" "$@" >/dev/null; }
timed mediafit "$here/../../target/release/mediafit" fit "$photo" --jobs 1 --quiet --policy "$work/policy.json" --out "$work/out"
timed magick convert "$photo" -define "jpeg:extent=${limit}b" "$work/magick.jpg"
timed sharp node "$here/sharp-search.js" "$photo" "$work/sharp.jpg" "$limit"
wc -c "$work"/out/*.jpg "$work/magick.jpg" "$work/sharp.jpg"
if [ -n "${KEEP:-}" ]; then mkdir -p "$KEEP" && cp "$work"/out/*.jpg "$KEEP/mediafit.jpg" && cp "$work/magick.jpg" "$work/sharp.jpg" "$KEEP"; fi
