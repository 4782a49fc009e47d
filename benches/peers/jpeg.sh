#!/bin/sh
# jpeg.sh PHOTO LIMIT: a JPEG under LIMIT bytes, by mediafit, ImageMagick, sharp and Pillow, one thread each: the least CPU seconds
# of three alternating runs, memory, bytes. Needs a release build, GNU time, ImageMagick ($MAGICK, or convert), sharp from npm
# (NODE_PATH names the folder that holds it) and a Python with Pillow ($PYTHON, or python3); what is missing is left out.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
photo=$1
limit=$2
mediafit=${MEDIAFIT:-$here/../../target/release/mediafit}
magick=${MAGICK:-convert}
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/policy.json" <<JSON
{"image": {"size": {"hard_bytes": $limit, "target_bytes": $limit}}}
JSON
export VIPS_CONCURRENCY=1 OMP_NUM_THREADS=1 MAGICK_THREAD_LIMIT=1
timed() {
    name=$1
    shift
    /usr/bin/time -a -o "$work/$name.time" -f "%U %S %M" "$@" >/dev/null 2>&1 || true
}
for run in 1 2 3; do
    rm -rf "$work/out"
    timed mediafit "$mediafit" fit "$photo" --jobs 1 --quiet --policy "$work/policy.json" --out "$work/out"
    timed magick "$magick" "$photo" -define "jpeg:extent=${limit}b" "$work/magick.jpg"
    timed sharp node "$here/sharp-search.js" "$photo" "$work/sharp.jpg" "$limit"
    timed pillow "$python" "$here/pillow-search.py" "$photo" "$work/pillow.jpg" "$limit"
done
cp "$work"/out/*.jp*g "$work/mediafit.jpg" 2>/dev/null || { echo "jpeg.sh: $mediafit made nothing of $photo" >&2; exit 1; }
for name in mediafit magick sharp pillow; do
    [ -s "$work/$name.jpg" ] || continue
    awk -v name="$name" -v bytes="$(wc -c < "$work/$name.jpg")" -v limit="$limit" '
        NF == 3 { cpu = $1 + $2; if (least == "" || cpu < least) least = cpu; if ($3 > most) most = $3 }
        END { printf "%-8s %.2f s, %d MiB, %d bytes, %.1f %% of the limit\n", name, least, most / 1024, bytes, 100 * bytes / limit }
    ' "$work/$name.time"
    if [ -n "${KEEP:-}" ]; then mkdir -p "$KEEP" && cp "$work/$name.jpg" "$KEEP/"; fi
done
