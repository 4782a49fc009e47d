#!/bin/sh
# folder.sh FOLDER LIMIT: every video of FOLDER under LIMIT bytes by mediafit, and by a script of ffmpeg, two at once (libx264 in two
# passes to the limit's bitrate): wall time and CPU. Both alternate three times. Needs a release build, GNU time, and ffmpeg with libx264.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
limit=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/policy.json" <<JSON
{"video": {"size": {"hard_bytes": $limit, "target_bytes": $limit}}}
JSON
cat > "$work/one.sh" <<SH
seconds=\$(ffprobe -v error -show_entries format=duration -of csv=p=0 "\$1")
rate=\$(awk "BEGIN { print int($limit * 8 / \$seconds * 0.97 - 64000) }")
name=$work/ff/\$(basename "\$1")
for pass in 1 2; do
    end="-an -f mp4 -y /dev/null"; [ \$pass = 1 ] || end="-c:a aac -b:a 64k -movflags +faststart -y \$name.mp4"
    ffmpeg -v error -nostdin -threads 1 -i "\$1" -c:v libx264 -threads 1 -preset veryfast -profile:v main -bf 0 -pix_fmt yuv420p -b:v \$rate -pass \$pass -passlogfile "\$name" \$end
done
SH
mkdir "$work/ff"
for _ in 1 2 3; do
    rm -rf "$work/out"
    /usr/bin/time -f "mediafit: %e s, %U s user, %S s system" "$here/../../target/release/mediafit" fit "$folder" --as video --jobs 2 --engine builtin --repair all --quiet --policy "$work/policy.json" --out "$work/out"
    find "$folder" -type f | sort > "$work/files"
    /usr/bin/time -f "ffmpeg: %e s, %U s user, %S s system" xargs -P2 -I{} sh "$work/one.sh" {} < "$work/files"
done
echo "over the limit: mediafit $(find "$work/out" -name '*.mp4' -size +"$limit"c | wc -l) of $(find "$work/out" -name '*.mp4' | wc -l), ffmpeg $(find "$work/ff" -name '*.mp4' -size +"$limit"c | wc -l) of $(find "$work/ff" -name '*.mp4' | wc -l)"
