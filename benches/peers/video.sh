#!/bin/sh
# video.sh CLIP LIMIT: a video under LIMIT bytes by mediafit, and by libx264 in two passes to the same bytes and size, one thread each:
# CPU seconds, bytes, PSNR and SSIM against the clip. Needs a release build, GNU time, and ffmpeg with libx264. Pictures alone are compared.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
clip=$1
limit=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/policy.json" <<JSON
{"video": {"size": {"hard_bytes": $limit, "target_bytes": $limit}}}
JSON
ffmpeg -v error -y -i "$clip" -an -c copy "$work/clip.mp4"
time_of() { out=$1; shift; /usr/bin/time -f '%U' -o "$out" "$@"; }
time_of "$work/t1" "$here/../../target/release/mediafit" fit "$work/clip.mp4" --as video --jobs 1 --engine builtin --repair all --quiet --policy "$work/policy.json" --out "$work/out"
ours=$work/out/clip.mp4
size=$(ffprobe -v error -select_streams v -show_entries stream=width,height -of csv=p=0:s=x "$ours" | tr x :)
seconds=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$ours")
rate=$(awk "BEGIN { print int($(wc -c < "$ours") * 8 / $seconds * 0.995) }")
cat > "$work/x264.sh" <<SH
ffmpeg -v error -y -threads 1 -i "$work/clip.mp4" -an -fps_mode passthrough -vf scale=$size:flags=lanczos -c:v libx264 -threads 1 -preset veryfast -profile:v main -bf 0 -b:v $rate -pass 1 -passlogfile "$work/log" -f null -
ffmpeg -v error -y -threads 1 -i "$work/clip.mp4" -an -fps_mode passthrough -vf scale=$size:flags=lanczos -c:v libx264 -threads 1 -preset veryfast -profile:v main -bf 0 -b:v $rate -pass 2 -passlogfile "$work/log" "$work/x264.mp4"
SH
time_of "$work/t2" sh "$work/x264.sh"
report() {
    quality=$(ffmpeg -v info -i "$2" -i "$work/clip.mp4" -lavfi "[1:v]scale=$size:flags=lanczos[r];[0:v]split[a][b];[r]split[c][d];[a][c]psnr;[b][d]ssim" -f null - 2>&1 | grep -oE 'PSNR y:[0-9.]+|SSIM Y:[0-9.]+|All:[0-9.]+' | tr '\n' ' ')
    echo "$1: $(echo "$size" | tr : x), $(wc -c < "$2") bytes, $(cat "$3") s, $quality"
}
report mediafit "$ours" "$work/t1"
report x264 "$work/x264.mp4" "$work/t2"
