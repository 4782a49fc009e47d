#!/bin/sh
# audio_inputs.sh FOLDER [COUNT]: COUNT (100) files of sound, WAV, FLAC, MP3, M4A and Ogg Vorbis in turn, 10 s to 5 min, the
# same each time: speech by ffmpeg's flite filter where it has one, else shaped noise; and chords with a beat for music.
# Two of three are speech, mono or stereo, at the rates that phones and recorders have. Needs ffmpeg.
set -eu
folder=$1
count=${2:-100}
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ff() { ffmpeg -hide_banner -loglevel error -nostdin -y "$@"; }

text="The quick brown fox jumps over the lazy dog. We were away a year ago, and the weather was fine. Please call Stella, and ask her
to bring these things with her from the store: six spoons of fresh snow peas, five thick slabs of blue cheese, and maybe a snack for
her brother Bob. When the sunlight strikes raindrops in the air, they act as a prism and form a rainbow."
echo "$text" > "$work/text"
for voice in kal slt rms awb; do
    if ! ff -f lavfi -i "flite=textfile=$work/text:voice=$voice" -ar 48000 "$work/$voice.wav" 2>/dev/null; then
        ff -f lavfi -i "anoisesrc=color=pink:amplitude=0.5:duration=25:seed=7,tremolo=f=4:d=0.9,bandpass=f=700:w=900" -ar 48000 "$work/$voice.wav"
    fi
done
ff -f lavfi -i "aevalsrc='0.2*exp(-3*mod(t,0.5))*sin(2*PI*(110+55*mod(floor(t*2),5))*t)+0.15*sin(2*PI*440*t)*(1+sin(2*PI*0.3*t))/2+0.1*exp(-20*mod(t,0.25))*(random(0)-0.5)
|0.2*exp(-3*mod(t,0.5))*sin(2*PI*(165+55*mod(floor(t*2),4))*t)+0.15*sin(2*PI*554*t)*(1+cos(2*PI*0.2*t))/2+0.1*exp(-20*mod(t,0.25))*(random(1)-0.5)':s=48000:d=60" "$work/music.wav"

index=0
while [ "$index" -lt "$count" ]; do
    seconds=$((10 + index * 37 % 291))
    case $((index % 6)) in 0) source=kal ;; 1) source=slt ;; 2) source=music ;; 3) source=rms ;; 4) source=awb ;; *) source=music ;; esac
    case $((index % 4)) in 0) rate=44100 ;; 1) rate=48000 ;; 2) rate=44100 ;; *) rate=16000 ;; esac
    channels=$((1 + index / 5 % 2))
    case $((index % 5)) in
        0) name=wav coding="pcm_s16le" ;;
        1) name=flac coding="flac" ;;
        2) name=mp3 coding="libmp3lame -b:a 128k" ;;
        3) name=m4a coding="aac -b:a 128k" ;;
        *) name=ogg coding="libvorbis -q:a 4" ;;
    esac
    # shellcheck disable=SC2086 # the coding is several words
    ff -stream_loop -1 -i "$work/$source.wav" -t "$seconds" -ar "$rate" -ac "$channels" -c:a $coding "$folder/$(printf %03d "$index").$name"
    index=$((index + 1))
done
