#!/usr/bin/env bash
# Measures what services cost: how fast a build log is read and judged, how long `gsync services`
# takes after a pull of 1,000 files, and what a flood of a log takes. Prints Markdown.
set -euo pipefail

usage() {
	cat <<'USAGE'
usage: benches/services.sh [--quick] [judge] [services] [flood]

  judge     how fast a build log is read and judged (goal: 500 MB/s)
  services  `gsync services` after a pull of 1,000 files (goal: 50 ms)
  flood     memory and disk of a step that prints 2 GB (goal: 50 MB of memory)
  --quick   few repetitions: to see that it works, not to quote

Without a name, all of them. GSYNC_BENCH_BIN is the gsync to measure (default: the release
build in target/), GSYNC_BENCH_LOGS are real logs to judge besides the one that is made up.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
parts=()
repeat=25 flood=2000000000
for word in "$@"; do
	case $word in
	--quick) repeat=3 flood=200000000 ;;
	judge | services | flood) parts+=("$word") ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		printf "error: unknown word '%s'\n" "$word" >&2
		printf "hint: see 'benches/services.sh --help'\n" >&2
		exit 2
		;;
	esac
done
[ ${#parts[@]} -gt 0 ] || parts=(judge services flood)

GSYNC_BENCH_BIN=${GSYNC_BENCH_BIN:-$root/target/release/gsync}
# The home of nobody that follows has no toolchain.
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
# shellcheck source=benches/common.sh
. "$root/benches/common.sh"

judge() {
	printf '### Reading and judging a build log\n\n'
	# shellcheck disable=SC2086
	(cd "$root" && cargo bench --quiet --bench logs -- ${GSYNC_BENCH_LOGS:-}) | sed 's/^/    /'
	printf '\n'
}

# A repository of 3,000 files in four services, of which the last commit changed 1,000.
services() {
	local repo=$work/repo
	git init --quiet --initial-branch=main "$repo"
	(
		cd "$repo"
		for name in client server internal ui; do
			printf '[[service]]\nname = "%s"\npaths = ["%s/**", "types/**"]\nsteps = [{ name = "b", run = "true" }]\n' "$name" "$name"
		done >.gsync.toml
		for dir in client server internal ui types; do
			mkdir -p $dir/{0..9}
			for n in $(seq 0 599); do echo "$n" >"$dir/$((n % 10))/$n"; done
		done
		git add -A && git commit --quiet -m one
		for dir in client server internal ui types; do
			for n in $(seq 0 199); do echo "new $n" >"$dir/$((n % 10))/$n"; done
		done
		git commit --quiet -am two
		# A pull by what the memory of HEAD says of it.
		git reset --quiet --hard HEAD~
		git merge --quiet --ff-only 'HEAD@{1}'
		[ "$("$gsync" services --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["changed"])')" = 1000 ]
	)
	printf '### A look at the services after a pull of 1,000 files (3,001 tracked)\n\n'
	REPEAT=$repeat GSYNC=$gsync REPO=$repo python3 - <<'PY'
import os, statistics, subprocess, time
times = []
for _ in range(int(os.environ["REPEAT"]) + 2):
    start = time.perf_counter()
    subprocess.run([os.environ["GSYNC"], "services"], cwd=os.environ["REPO"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    times.append((time.perf_counter() - start) * 1000)
times = sorted(times[2:])
print("| runs | least | median | most |\n|---|---|---|---|")
print(f"| {len(times)} | {times[0]:.1f} ms | {statistics.median(times):.1f} ms | {times[-1]:.1f} ms |\n")
PY
}

flood() {
	local repo=$work/flood
	git init --quiet --initial-branch=main "$repo"
	cat >"$repo/.gsync.toml" <<END
[[service]]
name = "s"
paths = ["**"]
steps = [{ name = "b", run = "(yes '   Compiling a crate with a name v1.0.0 (/src/crate)' || true) | head -c $flood; echo; exit 1" }]
END
	git -C "$repo" add -A && git -C "$repo" commit --quiet -m one
	printf '### A step that prints %s MB\n\n' $((flood / 1000000))
	GSYNC=$gsync REPO=$repo FLOOD=$flood python3 - <<'PY'
import glob, os, subprocess, time
start = time.perf_counter()
child = subprocess.Popen([os.environ["GSYNC"], "up"], cwd=os.environ["REPO"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
most = 0
while child.poll() is None:
    try:
        for line in open(f"/proc/{child.pid}/status"):
            if line.startswith("VmHWM:"):
                most = max(most, int(line.split()[1]))
    except OSError:
        pass
    time.sleep(0.02)
took = time.perf_counter() - start
size = sum(os.path.getsize(path) for path in glob.glob(os.environ["REPO"] + "/.git/gsync/logs/*"))
print("| memory at most | log on disk | time | speed |\n|---|---|---|---|")
print(f"| {most / 1000:.1f} MB | {size / 1e6:.1f} MB | {took:.1f} s | {int(os.environ['FLOOD']) / took / 1e6:.0f} MB/s |\n")
PY
}

for part in "${parts[@]}"; do "$part"; done
