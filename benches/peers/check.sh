#!/bin/sh
# check.sh FOLDER: headers of every file below FOLDER, by mediafit in one run and by ffprobe and identify once a file.
# Needs a release build, ImageMagick, GNU time, and ffprobe (FFPROBE names another one, such as a static build).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
list=$(mktemp)
trap 'rm -f "$list"' EXIT
find "$1" -type f > "$list"
echo "$(wc -l < "$list") files"
timed() { name=$1; shift; /usr/bin/time -f "$name: %U s user, %S s system" "$@" >/dev/null 2>"$list.err" || true; tail -1 "$list.err"; rm -f "$list.err"; }
timed mediafit "$here/../../target/release/mediafit" check "$1" --jobs 1 --json --quiet
timed ffprobe xargs -d '\n' -a "$list" -n 1 "${FFPROBE:-ffprobe}" -v error -show_format -show_streams -of json
timed identify xargs -d '\n' -a "$list" -n 1 identify -ping
