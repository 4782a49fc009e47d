#!/bin/sh
# oversize.sh CORPUS OUT: videos of more than 16 MB, made of clips of the corpus: looped as they are where they are coded heavily, coded anew at
# a high rate where they are not, in H.264, HEVC, VP9, AV1 and Motion JPEG; turned, 10 bits, interlaced, of odd size.
# Then, if MEDIAFIT names the program: each is made fit by what is built in, and what came out is shown to ffprobe; the exit code is 1
# where that is not as it has to be. Needs ffmpeg with libx264, libvpx-vp9 and libsvtav1.
set -eu
corpus=$1/video
out=$2
mkdir -p "$out"
# The file NAME of a clip, repeated COUNT times beyond the first, by the ARGUMENTS of ffmpeg's output.
make() {
    name=$1; count=$2; clip=$3
    shift 3
    [ -s "$out/$name" ] || SVT_LOG=1 ffmpeg -nostdin -v error -y -stream_loop "$count" -i "$corpus/$clip" -map 0:v:0 -map '0:a:0?' "$@" "$out/$name"
    bytes=$(wc -c < "$out/$name")
    [ "$bytes" -gt 16777216 ] || { echo "oversize: $name has $bytes bytes, which is no more than is allowed" >&2; exit 1; }
}
make h264-turned.mp4 6 amx__internal_emulator_transformer_output_270_rotated.mp4 -c copy
make h264-b-frames.mp4 4 bbb480__video.mp4 -c copy
make hevc-hlg-turned.mov 5 amx__sample_edit_list.mp4 -an -c copy
make mjpeg.mov 23 ftype__fixture-mjpeg.mov -c copy
make vp9.webm 29 amx__bbb_642x642_768kbps_30fps_vp9.webm -an -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -b:v 2200k -minrate 2200k -maxrate 2200k
make h264-interlaced.ts 12 amx__internal_emulator_transformer_output_270_rotated.mp4 -an -vf scale=1280:720,tinterlace=interleave_top -c:v libx264 -preset ultrafast -b:v 6M -minrate 6M -maxrate 6M -bufsize 3M -flags +ilme+ildct
make av1-pq.mkv 4 amx__hdr10-av1.mp4 -an -c:v libsvtav1 -preset 12 -crf 3 -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc
make mjpeg-odd.avi 3 amx__bbb_642x642_768kbps_30fps_vp9.webm -an -vf crop=641:639:0:0 -c:v mjpeg -pix_fmt yuvj420p -q:v 2
[ -n "${MEDIAFIT:-}" ] || exit 0

rm -rf "$out/fit"
"$MEDIAFIT" fit "$out" --as video --engine builtin --quiet --out "$out/fit"
bad=0
for source in "$out"/*.*; do
    name=$(basename "${source%.*}")
    result=$out/fit/$name.mp4
    [ -s "$result" ] || { echo "$name: not made fit" >&2; bad=1; continue; }
    bytes=$(wc -c < "$result")
    stream=$(ffprobe -v error -select_streams v -show_entries stream=codec_name,profile,has_b_frames,pix_fmt,width,height -of csv=p=0 "$result")
    sound=$(ffprobe -v error -select_streams a -show_entries stream=codec_name,profile -of csv=p=0 "$result" | tr '\n' ' ')
    kinds=$(ffprobe -v error -select_streams v -show_entries frame=pict_type -of csv=p=0 "$result" | tr -d ',' | sort -u | tr -d '\n')
    first=$(ffprobe -v trace "$result" 2>&1 | grep -oE "type:'(moov|mdat)'" | head -1)
    seconds=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$result")
    share=$(awk "BEGIN { printf \"%.1f\", $bytes / 160000 }")
    echo "| $name | $(wc -c < "$source") | $seconds | $bytes | $share % | $stream | ${sound:-none} |"
    case $stream in h264,Main,*,0,yuv420p | h264,Main,*,*,0,yuv420p) ;; *) echo "$name: $stream" >&2; bad=1 ;; esac
    case $sound in '' | 'aac,LC ') ;; *) echo "$name: sound $sound" >&2; bad=1 ;; esac
    case $kinds in IP | I) ;; *) echo "$name: pictures of kind $kinds" >&2; bad=1 ;; esac
    [ "$first" = "type:'moov'" ] || { echo "$name: $first comes first" >&2; bad=1; }
    # Less than 90 % is right where finer quantisers would only code the noise of the source: there nothing was given up.
    size=$(ffprobe -v error -select_streams v -show_entries stream=width,height -of csv=p=0:s=x "$result" | tr x :)
    psnr=$(ffmpeg -nostdin -v info -t 3 -i "$result" -t 3 -i "$source" -lavfi "[1:v]scale=$size[s];[0:v][s]psnr" -f null - 2>&1 | grep -oE 'PSNR y:[0-9]+' | cut -d: -f2)
    awk "BEGIN { exit !($bytes <= 16000000 && ($bytes >= 14400000 || $psnr >= 42)) }" || { echo "$name: $bytes bytes, which is not 90 to 100 % of 16,000,000, at $psnr dB" >&2; bad=1; }
done
exit $bad
