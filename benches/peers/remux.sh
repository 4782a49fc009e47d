#!/bin/sh
# remux.sh FILE: the streams of FILE copied into an MP4 with its index first, by mediafit and by ffmpeg in turn; the least
# CPU of three, user and system together. mediafit also looks at the sound, measures the result again and takes its hash.
# Needs a release build (MEDIAFIT names another program), ffmpeg and GNU time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mediafit=${MEDIAFIT:-$here/../../target/release/mediafit}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
echo '{"video":{"size":{"hard_bytes":4000000000,"target_bytes":4000000000}}}' > "$out/rules.json"
timed() { name=$1; shift; /usr/bin/time -a -o "$out/$name" -f '%U %S' "$@" >/dev/null 2>&1; }
for turn in 1 2 3; do
    timed mediafit "$mediafit" fit "$1" --as video --policy "$out/rules.json" --jobs 1 --out "$out/ready"
    rm -rf "$out/ready"
    timed ffmpeg ffmpeg -nostdin -v error -i "$1" -c copy -movflags +faststart -y "$out/ready.mp4"
    rm -f "$out/ready.mp4"
done
for name in mediafit ffmpeg; do
    awk -v name=$name '{ sum = $1 + $2; if (NR == 1 || sum < least) least = sum } END { printf "%s: %.2f s\n", name, least }' "$out/$name"
done
