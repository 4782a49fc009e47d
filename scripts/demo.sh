#!/bin/sh
# Runs `fit` over the test data into a temporary folder, and prints what a user would see.
set -eu
cd "$(dirname "$0")/.."

out=$(mktemp -d "${TMPDIR:-/tmp}/mediafit-demo.XXXXXX")
set -- testdata/image testdata/sticker testdata/audio testdata/voice testdata/video testdata/document
echo "\$ mediafit fit $* --out $out"
status=0
"${CARGO_TARGET_DIR:-target}/release/mediafit" fit "$@" --out "$out" || status=$?
echo
case $status in
0 | 1)
    echo "The fit files are in $out, with mediafit.jsonl."
    echo "Some files are refused on purpose: the test data holds damaged, encrypted and animated ones, types that the platform"
    echo "does not take, and, where no ffmpeg is installed, sound and video in codecs that only it reads."
    echo "The command's own exit code was $status (1: some file could not be made fit)."
    ;;
*)
    echo "demo: mediafit failed with exit code $status" >&2
    exit "$status"
    ;;
esac
