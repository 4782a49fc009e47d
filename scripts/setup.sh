#!/bin/sh
# Finds or installs what building mediafit needs. Usage: scripts/setup.sh [build|test]
#   build  a C and C++ compiler, make, cmake, and nasm on x86 (the default)
#   test   the same, and cargo-nextest
set -eu

want=${1:-build}
case $want in
build | test) ;;
*)
    echo "setup: unknown argument '$want'; found '$want', allowed build or test" >&2
    exit 2
    ;;
esac

say() { echo "setup: $*"; }
fail() {
    echo "setup: $*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# rustup puts cargo here, and a shell that was open meanwhile does not know it.
if ! has cargo && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
fi
has cargo || fail "cargo was not found; install Rust 1.95 or newer from https://rustup.rs, then run this again"

missing=
# C and C++: the encoder of H.264 is written in the latter.
{ has cc || has gcc || has clang; } && { has c++ || has g++ || has clang++; } || missing="$missing compiler"
has make || missing="$missing make"
has cmake || missing="$missing cmake"
# The assembler is for the SIMD code of JPEG and AV1, which other processors have in another form.
case $(uname -m) in
x86_64 | amd64 | i?86) has nasm || missing="$missing nasm" ;;
esac

# The package of $1 for the package manager $2.
package() {
    case $2:$1 in
    apt-get:compiler) echo build-essential ;;
    apk:compiler) echo build-base ;;
    dnf:compiler | zypper:compiler) echo gcc gcc-c++ ;;
    pacman:compiler) echo gcc ;;
    brew:compiler) echo gcc ;;
    *) echo "$1" ;;
    esac
}

install_missing() {
    if [ "$(uname -s)" = Darwin ]; then
        case $missing in
        *compiler*) fail "no C compiler was found; run 'xcode-select --install', then this again" ;;
        esac
    fi
    manager=
    for candidate in apt-get dnf pacman apk zypper brew; do
        if has "$candidate"; then
            manager=$candidate
            break
        fi
    done
    [ -n "$manager" ] || fail "missing:$missing; no known package manager (apt-get, dnf, pacman, apk, zypper, brew) was found; install these by hand"

    packages=
    for tool in $missing; do
        packages="$packages $(package "$tool" "$manager")"
    done

    as_root=
    if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
        has sudo || fail "missing:$missing; installing needs root and sudo was not found; run as root: $manager install$packages"
        as_root=sudo
    fi

    case $manager in
    apt-get)
        set -- apt-get install -y --no-install-recommends
        say "running: ${as_root:+$as_root }apt-get update"
        $as_root apt-get update || fail "apt-get update failed; see its message above"
        ;;
    dnf) set -- dnf install -y ;;
    pacman) set -- pacman -S --needed --noconfirm ;;
    apk) set -- apk add ;;
    zypper) set -- zypper --non-interactive install ;;
    brew) set -- brew install ;;
    esac
    say "missing:$missing; running: ${as_root:+$as_root }$*$packages"
    # Package names hold no blanks: splitting them is meant.
    # shellcheck disable=SC2086
    $as_root "$@" $packages || fail "$manager could not install$packages; see its message above"
}

done_nothing=yes
if [ -n "$missing" ]; then
    install_missing
    done_nothing=no
fi

if [ "$want" = test ] && ! has cargo-nextest && ! cargo nextest --version >/dev/null 2>&1; then
    say "missing: cargo-nextest; running: cargo install --locked cargo-nextest (compiles it, some minutes)"
    cargo install --locked cargo-nextest || fail "cargo-nextest could not be installed; see the message above"
    done_nothing=no
fi

if [ "$done_nothing" = yes ]; then
    say "everything needed to $want is there; nothing was installed"
else
    say "done"
fi
