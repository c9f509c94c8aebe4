#!/bin/sh
# Puts gsync on this machine: one static binary, and the hooks of one repository.
# Needs a shell and git; a Rust toolchain only where no prebuilt binary lies beside this file.

set -eu
umask 022

me='install.sh'
rust_oldest='1.91'

usage() {
	cat <<'USAGE'
usage: ./install.sh [REPO] [--prefix DIR] [--role ROLE] [--uninstall] [--help]

  REPO           also install the hooks in this repository
                 (the default is the one you are in, unless it is gsync's own)
  --prefix DIR   the binary goes to DIR/bin/gsync (default: ~/.local)
  --role ROLE    the role of this clone, as named in its .gsync.toml
  --uninstall    remove the hooks from REPO, if given, and then the binary
  --help         show this

Takes a binary that lies beside it (gsync or dist/gsync), else builds one with cargo.
Asks nothing, and can be run again at any time.
USAGE
}

say() { printf '%s\n' "$*"; }
hint() { printf 'hint: %s\n' "$*" >&2; }
fail() { # MESSAGE [HINT]: refused, nothing was changed
	printf 'error: %s\n' "$1" >&2
	if [ $# -gt 1 ]; then hint "$2"; fi
	exit 1
}
misuse() {
	printf 'error: %s\n' "$1" >&2
	hint "see './$me --help'"
	exit 2
}
have() { command -v "$1" >/dev/null 2>&1; }

# What git exports to hooks and aliases would point us at the wrong repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY \
	GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_PREFIX GIT_NAMESPACE 2>/dev/null || :

absolute() { # PATH, which need not exist
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s/%s\n' "$(pwd)" "$1" ;;
	esac
}

# ---- the command line

repo='' prefix='' role='' uninstall=no
while [ $# -gt 0 ]; do
	case $1 in
	--prefix | --role)
		if [ $# -lt 2 ] || [ -z "$2" ]; then misuse "'$1' needs a value"; fi
		case $2 in -*) misuse "'$1' needs a value, not '$2'" ;; esac
		if [ "$1" = --prefix ]; then prefix=$2; else role=$2; fi
		shift
		;;
	--prefix=?*) prefix=${1#--prefix=} ;;
	--role=?*) role=${1#--role=} ;;
	--uninstall) uninstall=yes ;;
	-h | --help)
		usage
		exit 0
		;;
	-*) misuse "unknown option '$1'" ;;
	'') misuse 'the path of a repository cannot be empty' ;;
	*)
		if [ -n "$repo" ]; then misuse "one repository at a time: '$repo', then '$1'"; fi
		repo=$1
		;;
	esac
	shift
done
if [ "$uninstall" = yes ] && [ -n "$role" ]; then misuse "'--role' says nothing to '--uninstall'"; fi

if [ -z "$prefix" ]; then
	if [ -z "${HOME:-}" ]; then fail 'HOME is not set' "say where it should go: './$me --prefix DIR'"; fi
	prefix=$HOME/.local
fi
prefix=$(absolute "$prefix")
bin=$prefix/bin
target=$bin/gsync
source=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

# ---- what is here, looked at before anything is changed

if ! have git; then
	fail 'git is not here' "'apt-get install git' on Debian or Ubuntu, 'xcode-select --install' on macOS"
fi

# Says what git said, when it cannot read a repository: "not a git repository", or
# "dubious ownership" with git's own way out.
check_repo() {
	if [ ! -d "$1" ]; then
		fail "'$1' is not a directory" 'name the directory of a git clone'
	fi
	if ! why=$(git -C "$1" rev-parse --git-dir 2>&1); then
		case $why in
		*'not a git repository'*)
			fail "'$1' is not a git repository" "'git init' makes one, 'git clone' brings one"
			;;
		*) fail "git cannot read '$1': ${why#fatal: }" ;;
		esac
	fi
}

if [ -n "$repo" ]; then
	check_repo "$repo"
	repo=$(CDPATH='' cd -- "$repo" && pwd)
elif [ "$uninstall" = no ]; then
	# Run inside the work tree of some other repository: that one is meant.
	here=$(git rev-parse --show-toplevel 2>/dev/null) || here=''
	if [ -n "$here" ]; then
		here=$(CDPATH='' cd -- "$here" && pwd -P)
		own=$(git -C "$source" rev-parse --show-toplevel 2>/dev/null) || own=''
		if [ -n "$own" ]; then own=$(CDPATH='' cd -- "$own" && pwd -P); fi
		if [ "$here" != "$source" ] && [ "$here" != "$own" ]; then repo=$here; fi
	fi
fi
if [ -n "$role" ] && [ -z "$repo" ]; then
	misuse "'--role' needs a repository: './$me REPO --role $role'"
fi

# ---- uninstall

if [ "$uninstall" = yes ]; then
	if [ -n "$repo" ]; then
		if [ -x "$target" ]; then
			say "removing the hooks from $repo"
			code=0
			"$target" -C "$repo" uninstall || code=$?
			if [ "$code" -ne 0 ]; then
				hint "the binary stays at $target, since the hooks may still need it"
				exit "$code"
			fi
		else
			fail "$target is not there, and only gsync knows how to take its hooks back" \
				"put it back with './$me', then run './$me $repo --uninstall'"
		fi
	fi
	if [ ! -e "$target" ] && [ ! -L "$target" ]; then
		say "nothing to do: $target is not there"
		exit 0
	fi
	if [ ! -w "$bin" ]; then
		fail "$bin is not writable" 'run it as the user who installed it'
	fi
	rm -f -- "$target"
	say "removed $target"
	if [ -z "$repo" ]; then
		say 'repositories that still have the hooks: their pre-commit and pre-push will refuse and say so'
	fi
	exit 0
fi

# ---- can the binary be put there? Found out before minutes of building.

above=$bin
while [ ! -e "$above" ] && [ ! -L "$above" ]; do above=$(dirname -- "$above"); done
if [ ! -d "$above" ]; then
	fail "$above is in the way: it is not a directory" "choose another place: './$me --prefix DIR'"
fi
if [ ! -w "$above" ] || [ ! -x "$above" ]; then
	fail "$above is not writable" "choose another place: './$me --prefix DIR'"
fi
if [ -d "$target" ]; then
	fail "$target is a directory" "move it away, or choose another place: './$me --prefix DIR'"
fi

# ---- the binary: beside this file, or built

# A checksum of all that goes into a build (not its time, which a fresh checkout changes).
digest() {
	if have sha256sum; then
		sha256sum
	elif have shasum; then
		shasum -a 256
	else
		cksum
	fi
}
fingerprint() {
	(
		cd -- "$source"
		rustc -vV
		printf '%s\n' "$flags"
		find Cargo.toml Cargo.lock build.rs rust-toolchain.toml .cargo src hooks templates -type f -print 2>/dev/null |
			LC_ALL=C sort | while IFS= read -r file; do
			printf '%s ' "$file"
			digest <"$file"
		done
	) | digest | cut -d' ' -f1
}

older() { # A B: is version A older than B?
	first=$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n | head -n1)
	[ "$1" != "$2" ] && [ "$first" = "$1" ]
}

built=''
for candidate in "$source/gsync" "$source/dist/gsync"; do
	if [ -f "$candidate" ] && [ -x "$candidate" ]; then
		# Of another system or processor: not ours, build instead.
		if "$candidate" --version >/dev/null 2>&1; then
			built=$candidate
			say "using the binary $built"
			break
		fi
		say "skipping $candidate: it does not run on this machine"
	fi
done

if [ -z "$built" ]; then
	if [ ! -f "$source/Cargo.toml" ] || [ ! -f "$source/Cargo.lock" ]; then
		fail "neither a binary nor the source of gsync is in $source" "run it from gsync's own directory"
	fi
	if ! have cargo || ! have rustc; then
		if [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
			PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
			export PATH
		else
			fail 'cargo is not here, and there is no prebuilt binary' \
				"install Rust $rust_oldest or newer (rustup.rs), or put a gsync binary beside this file"
		fi
	fi
	if ! facts=$(cd -- "$source" && rustc -vV 2>&1); then
		fail "rustc does not run: $facts" "'rustup default stable' chooses a toolchain"
	fi
	release=$(printf '%s\n' "$facts" | sed -n 's/^release: *//p')
	host=$(printf '%s\n' "$facts" | sed -n 's/^host: *//p')
	case $release in
	[0-9]*.[0-9]*) : ;;
	*) fail "rustc does not say its version" "'rustc -vV' should" ;;
	esac
	version=$(printf '%s\n' "$release" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
	if older "$version" "$rust_oldest"; then
		fail "rustc $release is too old: gsync needs $rust_oldest" "'rustup update stable'"
	fi
	if ! have cc && ! have gcc && ! have clang; then
		fail 'no linker is here: rust needs a C compiler to link' \
			"'apt-get install gcc libc6-dev' on Debian or Ubuntu, 'xcode-select --install' on macOS"
	fi

	work=${CARGO_TARGET_DIR:-$source/target}
	case $work in /*) : ;; *) work=$source/$work ;; esac
	built=$work/$host/release/gsync
	stamp=$work/$host/release/.gsync-built-from
	# With --target the flags do not reach build scripts and proc macros, which cannot
	# be static.
	flags=${RUSTFLAGS:-}
	case $host in
	*-linux-gnu*) flags="$flags -C target-feature=+crt-static -C relocation-model=static" ;;
	esac
	mark=$(fingerprint)
	if [ -x "$built" ] && [ -f "$stamp" ] && [ "$(cat -- "$stamp")" = "$mark $(digest <"$built" | cut -d' ' -f1)" ]; then
		say 'the source is unchanged: not building again'
	else
		say "building gsync with rustc $release for $host (a few minutes the first time)"
		code=0
		(
			cd -- "$source"
			# One of these would win over RUSTFLAGS, or add to it.
			unset CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
			RUSTFLAGS=$flags CARGO_TARGET_DIR=$work \
				cargo build --release --locked --bin gsync --target "$host"
		) || code=$?
		if [ "$code" -ne 0 ] || [ ! -x "$built" ]; then
			fail 'the build failed: nothing was installed' "cargo's own words are above"
		fi
		printf '%s\n' "$mark $(digest <"$built" | cut -d' ' -f1)" >"$stamp"
	fi
fi

if ! name=$("$built" --version 2>/dev/null); then
	fail "$built does not run" "'$built --version' should print its version"
fi
if have ldd && [ "$(uname -s)" = Linux ]; then
	case $(ldd "$built" 2>&1 || :) in
	*'=>'*) hint "$built is not static: it needs the C library of this machine" ;;
	esac
fi

# ---- in place, in one step

if [ ! -L "$target" ] && cmp -s "$built" "$target" && [ -x "$target" ]; then
	say "$target is up to date ($name)"
else
	mkdir -p -- "$bin" || fail "$bin cannot be made" "choose another place: './$me --prefix DIR'"
	new=$bin/.gsync.$$
	trap 'rm -f -- "$new"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if ! cp -- "$built" "$new" || ! chmod 755 "$new" || ! mv -f -- "$new" "$target"; then
		fail "$target cannot be written" "is the disk full? or choose another place: './$me --prefix DIR'"
	fi
	trap - EXIT INT TERM HUP
	say "installed $target ($name)"
fi

case :${PATH:-}: in
*":$bin:"*)
	found=$(command -v gsync 2>/dev/null) || found=''
	if [ -n "$found" ] && [ "$found" != "$target" ]; then
		hint "'gsync' in your shell is $found, which comes first in PATH"
	fi
	;;
*)
	case ${SHELL:-} in
	*/fish) line="fish_add_path $bin" ;;
	*) line="export PATH=\"$bin:\$PATH\"" ;;
	esac
	say "$bin is not in your PATH: paste this, and put it into your shell's start file"
	say "    $line"
	;;
esac

# ---- the hooks of one repository

if [ -z "$repo" ]; then
	say "the hooks of a repository: '$target -C REPO install'"
	exit 0
fi

say "installing the hooks in $repo"
code=0
if [ -n "$role" ]; then
	"$target" -C "$repo" install --role "$role" || code=$?
else
	"$target" -C "$repo" install || code=$?
fi
if [ "$code" -ne 0 ]; then
	hint "the binary is in place: when that is mended, run '$target -C $repo install'"
	exit "$code"
fi
say ''
say "gsync -C $repo status"
# It reports; whatever it reports, the installation is done.
"$target" -C "$repo" status || hint "'gsync -C $repo status' could not read everything; the hooks are installed"
