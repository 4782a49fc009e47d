#!/bin/sh
# sticker.sh PICTURE.png...: 512x512 pictures as WebP of at most 100,000 bytes, by mediafit and by cwebp: CPU seconds and bytes.
# Needs a release build, cwebp and GNU time. KEEP=DIR keeps the results.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${KEEP:-$(mktemp -d)}
mkdir -p "$work/out"
for picture in "$@"; do
    name=$(basename "$picture" .png)
    /usr/bin/time -o "$work/a" -f "%U+%S" "$here/../../target/release/mediafit" fit "$picture" --as sticker --jobs 1 --quiet --out "$work/out"
    /usr/bin/time -o "$work/b" -f "%U+%S" cwebp -quiet -size 100000 -m 6 "$picture" -o "$work/$name.cwebp.webp"
    echo "$name: mediafit $(cat "$work/a") s, $(wc -c < "$work/out/$name.webp") bytes; cwebp $(cat "$work/b") s, $(wc -c < "$work/$name.cwebp.webp") bytes"
done
[ -n "${KEEP:-}" ] || rm -rf "$work"
