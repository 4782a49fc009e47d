#!/bin/sh
# sound.sh FOLDER [COMPLEXITY] [JOBS]: CPU and wall time, in seconds, to make a voice note (Opus, 32 kbit/s, one channel) of each
# file in FOLDER, by mediafit and by ffmpeg's libopus at the same complexity (10, which is ffmpeg's own), three times in turn. FOLDER may be made by
# audio_inputs.sh. MEDIAFIT names the binary. Needs ffmpeg and GNU time.
set -eu
folder=$1
complexity=${2:-10}
jobs=${3:-2}
binary=${MEDIAFIT:-target/release/mediafit}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
measure() {
    name=$1
    shift
    /usr/bin/time -o "$work/time" -f "%U %S %e" "$@" > "$work/said" 2>&1 || { cat "$work/said"; exit 1; }
    awk -v name="$name" '{ printf "%s: %.1f s of CPU, %.1f s\n", name, $1 + $2, $3 }' "$work/time"
}
# Both at 32 kbit/s, however long: without the limit of voice notes, for which the longer files would get less.
echo '{"voice":{"size":{"target_bytes":16000000,"hard_bytes":16000000}}}' > "$work/policy.json"
for round in 1 2 3; do
    mkdir -p "$work/ffmpeg"
    # A folder that is new each time, since what is known there is not made again.
    measure mediafit "$binary" fit "$folder" --as voice --policy "$work/policy.json" --out "$work/mediafit-$round" --jobs "$jobs"
    # shellcheck disable=SC2016 # expanded by the inner shell
    measure ffmpeg sh -c 'ls "$1" | xargs -P "$4" -I {} ffmpeg -hide_banner -loglevel error -nostdin -y -i "$1/{}" \
        -c:a libopus -b:a 32k -ac 1 -application voip -compression_level "$3" "$2/{}.ogg"' sh "$folder" "$work/ffmpeg" "$complexity" "$jobs"
    rm -rf "$work/ffmpeg"
done
du -sb "$work"/mediafit-3 | awk '{ print "mediafit: " $1 " bytes" }'
