#!/usr/bin/env bash
# Measures gsync side by side with its peers, interleaved in one run, and prints Markdown.
set -euo pipefail

usage() {
	cat <<'USAGE'
usage: benches/run.sh [--quick] [hooks] [status] [push]

  hooks     what a commit and a push cost with each hook manager, in a small repository
  status    status on a generated repository of 57,000 files
  push      judging a push of 1,000 commits of the clone that GSYNC_BENCH_REPO names
  --quick   few repetitions: to see that it works, not to quote

Without a name, all of them. GSYNC_BENCH_BIN is the gsync to measure (default: the static
release build that install.sh makes). The peers are those that ./test.sh has installed.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
parts=()
repeat_hooks=60 repeat_status=25 repeat_push=15
for word in "$@"; do
	case $word in
	--quick) repeat_hooks=5 repeat_status=3 repeat_push=3 ;;
	hooks | status | push) parts+=("$word") ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		printf "error: unknown word '%s'\n" "$word" >&2
		printf "hint: see 'benches/run.sh --help'\n" >&2
		exit 2
		;;
	esac
done
[ ${#parts[@]} -gt 0 ] || parts=(hooks status push)

# shellcheck source=benches/common.sh
source "$root/benches/common.sh"

tools=$root/.cache/tools
first_of() {
	local file
	for file in "$@"; do
		if [ -x "$file" ] && [ ! -d "$file" ]; then
			printf '%s\n' "$file"
			return 0
		fi
	done
	printf '\n'
}

# Reads a plan as JSON, and times each competitor in turn, round by round, so that a busy
# moment falls on all alike: {rounds, scale, cases: [{name, dir, before: [[..]], run: [..]}]}.
# `run` alone is timed. Prints NAME<TAB>MEDIAN<TAB>FASTEST in milliseconds.
cat >"$work/time.py" <<'PY'
import json, os, random, statistics, subprocess, sys, time

plan = json.load(open(sys.argv[1]))
cases, times, bad = plan["cases"], {}, {}

def call(argv, cwd, must):
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if must and done.returncode not in must:
        sys.exit("error: %s: exit %d\n%s" % (" ".join(argv), done.returncode,
                                            done.stdout.decode(errors="replace")[-2000:]))

def once(case):
    for argv in case.get("before", []):
        call(argv, case["dir"], [0])
    if case.get("touch"):
        with open(os.path.join(case["dir"], case["touch"]), "a") as f:
            f.write("%d\n" % time.perf_counter_ns())
        call(["git", "add", case["touch"]], case["dir"], [0])
    took = []
    for step in case["run"]:
        start = time.perf_counter()
        call(step, case["dir"], case.get("exits", [0]))
        took.append((time.perf_counter() - start) * 1000)
    return took

for case in cases:
    for _ in range(2):
        once(case)
for _ in range(plan["rounds"]):
    order = list(cases)
    random.shuffle(order)
    for case in order:
        times.setdefault(case["name"], []).append(once(case))
for case in cases:
    columns = list(zip(*times[case["name"]]))
    print("\t".join([case["name"]] + ["%.2f\t%.2f" % (statistics.median(c), min(c)) for c in columns]))
PY

# ---- a commit and a push, with each hook manager

no_op() { # COMPETITOR, in the repository that is the current directory
	case $1 in
	none) : ;;
	gsync) "$gsync" install ;;
	lefthook)
		cat >lefthook.yml <<'YML'
pre-commit:
  jobs:
    - run: test -f .git/go
pre-push:
  jobs:
    - run: test -f .git/go
YML
		"$lefthook" install
		;;
	prek | pre-commit)
		cat >.pre-commit-config.yaml <<'YML'
repos:
  - repo: local
    hooks:
      - id: nothing
        name: nothing
        entry: test -f .git/go
        language: system
        always_run: true
        pass_filenames: false
        stages: [pre-commit, pre-push]
YML
		if [ "$1" = prek ]; then
			"$prek" install -t pre-commit -t pre-push
		else
			"$pre_commit" install -t pre-commit -t pre-push
		fi
		;;
	husky)
		printf '{"private":true}\n' >package.json
		"$husky"
		printf 'test -f .git/go\n' >.husky/pre-commit
		printf 'test -f .git/go\n' >.husky/pre-push
		;;
	esac
}

bench_hooks() {
	local name dir lefthook prek pre_commit husky
	lefthook=$(first_of "$tools"/npm/node_modules/lefthook-*/bin/lefthook "$(command -v lefthook || true)")
	prek=$(first_of "$tools/py/bin/prek" "$(command -v prek || true)")
	pre_commit=$(first_of "$tools/py/bin/pre-commit" "$(command -v pre-commit || true)")
	husky=$(first_of "$tools/npm/node_modules/.bin/husky" "$(command -v husky || true)")
	local -a names=(none gsync)
	local -A path=([lefthook]=$lefthook [prek]=$prek [husky]=$husky [pre-commit]=$pre_commit)
	for name in lefthook prek husky pre-commit; do
		if [ -n "${path[$name]}" ]; then names+=("$name"); else say "skipped: $name is not here (./test.sh installs it)"; fi
	done
	for name in "${names[@]}"; do
		dir=$work/hooks/$name
		git init -q --bare "$dir.hub"
		git init -q "$dir"
		(
			cd "$dir"
			git remote add origin "$dir.hub"
			printf 'seed\n' >file
			no_op "$name" </dev/null >"$work/install.log" 2>&1 || {
				cat "$work/install.log" >&2
				fail "$name could not be installed" 'its own words are above'
			}
			# Proof that its hook fires: a bench of a hook that is not run flatters it.
			case $name in
			none) : ;;
			gsync)
				printf 'KEY=1\n' >.env
				git add -f .env
				if git commit -q -m 'must be refused'; then fail 'gsync let .env through' 'its hook does not fire'; fi
				git rm -q --cached .env
				rm .env
				;;
			*)
				git add -A
				if git commit -q -m 'must be refused'; then fail "the hook of $name does not fire" 'see how it was installed'; fi
				;;
			esac
			touch .git/go
			git add -A
			git commit -q -m seed
			rm .git/go
			if [ "$name" != none ] && [ "$name" != gsync ] && git push -q origin main; then
				fail "the pre-push hook of $name does not fire" 'see how it was installed'
			fi
			touch .git/go
			git push -q -u origin main
		) >"$work/setup.log" 2>&1 </dev/null || {
			cat "$work/setup.log" >&2
			fail "the repository of $name could not be made" 'its own words are above'
		}
	done
	python3 - "$repeat_hooks" "$work/hooks" "${names[@]}" >"$work/hooks.json" <<'PY'
import json, sys
rounds, base, names = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
json.dump({"rounds": rounds, "cases": [{
    "name": n, "dir": base + "/" + n, "touch": "file",
    "run": [["git", "commit", "-q", "-m", "work"], ["git", "push", "-q", "origin", "main"]],
} for n in names]}, sys.stdout)
PY
	python3 "$work/time.py" "$work/hooks.json" >"$work/hooks.tsv"
	printf '## A commit and a push with nothing to judge (ms)\n\n'
	printf 'Median of %s rounds, the managers in random order in each round; a small repository with a hub on the same disk.\n\n' "$repeat_hooks"
	printf '| hooks by | commit | over none | push | over none |\n|---|---:|---:|---:|---:|\n'
	awk -F'\t' 'NR == 1 { c = $2; p = $4 }
		{ printf "| %s | %.1f | %+.1f | %.1f | %+.1f |\n", $1, $2, $2 - c, $4, $4 - p }' "$work/hooks.tsv"
	printf '\nWanted: gsync at most 3 ms (commit) and 5 ms (push) over none.\n\n'
	printf 'Versions: '
	{
		for name in "${names[@]}"; do
			case $name in
			lefthook) printf 'lefthook %s\n' "$("$lefthook" version | head -n 1)" ;;
			prek) "$prek" --version ;;
			pre-commit) "$pre_commit" --version ;;
			husky) printf 'husky %s\n' "$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' "$tools/npm/node_modules/husky/package.json" 2>/dev/null)" ;;
			esac
		done
	} | paste -sd, - | sed 's/,/, /g; s/$/./'
	printf '\n'
}

# ---- status on 57,000 files

bench_status() {
	local hub=$work/big.hub dir=$work/big
	say 'generating a repository of 57,000 files'
	git init -q --bare "$hub"
	# 570 directories of 100 files; then 5 commits of the hub, and 3 of our own.
	python3 <<'PY' | git -C "$hub" fast-import --quiet
import sys
out = sys.stdout
when = 1763000000
def commit(ref, mark, parent, text, files):
    global when
    when += 60
    out.write("commit %s\nmark :%d\ncommitter bench <bench@localhost> %d +0000\ndata %d\n%s\n"
              % (ref, mark, when, len(text), text))
    if parent:
        out.write("from :%d\n" % parent)
    for path, body in files:
        out.write("M 100644 inline %s\ndata %d\n%s\n" % (path, len(body), body))
def path(n):
    return "area%02d/part%02d/file%05d.txt" % (n // 3000, n // 100 % 30, n)
commit("refs/heads/main", 1, 0, "start",
       [(path(n), "file %d\n" % n * (1 + n % 40)) for n in range(57000)] + [(".gitignore", "*.o\n")])
for n in range(5):
    commit("refs/heads/main", 10 + n, 9 + n if n else 1, "hub %d" % n, [(path(100 * n), "hub %d\n" % n)])
for n in range(3):
    commit("refs/heads/ours", 20 + n, 19 + n if n else 1, "ours %d" % n, [(path(100 * n + 50), "ours %d\n" % n)])
out.write("done\n")
PY
	git clone -q "$hub" "$dir"
	git -C "$dir" reset -q --hard origin/ours
	git -C "$hub" branch -q -D ours
	git -C "$dir" fetch -q --prune
	local n
	for n in 1 2 3 4 5; do
		printf 'edited\n' >>"$dir/area0$n/part05/file$(printf %05d $((n * 3000 + 510))).txt"
	done
	for n in 1 2 3; do printf 'new\n' >"$dir/area0$n/new.txt"; done
	# git rewrites what it finds racy in the index; let it do that before the clock runs.
	sleep 2
	git -C "$dir" status >/dev/null
	cp "$root/benches/seed_status.sh" "$work/seed_status.sh"
	"$gsync" -C "$dir" status --no-fetch >"$work/status.log" 2>&1 || {
		cat "$work/status.log" >&2
		fail 'gsync status failed' 'its own words are above'
	}
	python3 - "$repeat_status" "$dir" "$gsync" "$work/seed_status.sh" >"$work/status.json" <<'PY'
import json, sys
rounds, dir, gsync, seed = int(sys.argv[1]), *sys.argv[2:]
cases = [
    ("`git status --porcelain=v2 --branch`", ["git", "status", "--porcelain=v2", "--branch"]),
    ("`gsync status --no-fetch`", [gsync, "status", "--no-fetch"]),
    ("`gsync status --no-fetch --json`", [gsync, "--json", "status", "--no-fetch"]),
    ("the status script (`seed_status.sh`)", ["bash", seed]),
    ("`gsync status --short`", [gsync, "status", "--short"]),
]
json.dump({"rounds": rounds, "cases": [{"name": n, "dir": dir, "run": [a]} for n, a in cases]}, sys.stdout)
PY
	python3 "$work/time.py" "$work/status.json" >"$work/status.tsv"
	printf '## Status on %s files (ms)\n\n' "$(git -C "$dir" ls-files | wc -l | tr -d ' ')"
	printf 'Three commits ahead, five behind, 5 files edited, 3 new; median of %s rounds, in random order in each round. The script fetches, as it always did, from a hub on the same disk.\n\n' "$repeat_status"
	printf '| | median | fastest | times git |\n|---|---:|---:|---:|\n'
	awk -F'\t' 'NR == 1 { g = $2 } { printf "| %s | %.1f | %.1f | %.2f |\n", $1, $2, $3, $2 / g }' "$work/status.tsv"
	# shellcheck disable=SC2016 # the backquotes are Markdown
	printf '\nWanted: no slower than git, at most half of the script, `--short` under 10 ms.\n\n'
}

# ---- a push of 1,000 commits

bench_push() {
	local given=${GSYNC_BENCH_REPO:-} dir=$work/push commits=1000 from to count
	if [ -z "$given" ]; then
		say 'skipped: the push of 1,000 commits needs a real clone (GSYNC_BENCH_REPO=DIR)'
		return 0
	fi
	given=$(git -C "$given" rev-parse --absolute-git-dir) || fail "'$given' is not a repository" 'GSYNC_BENCH_REPO names a clone'
	# A clone of the clone: nothing of the user's is touched.
	git clone -q --shared --no-checkout "$given" "$dir"
	to=$(git -C "$dir" rev-parse HEAD)
	# The newest commit that leaves at least 1,000 to judge, on the first-parent line.
	from=$(git -C "$dir" rev-list --first-parent HEAD | awk 'NR == 1001')
	[ -n "$from" ] || fail 'that history has fewer than 1,000 commits' 'choose a larger one'
	while count=$(git -C "$dir" rev-list --count "$from..$to") && [ "$count" -gt $((commits * 3 / 2)) ]; do
		from=$(git -C "$dir" rev-list --first-parent "$from..$to" | awk '{ line[NR] = $0 } END { print line[int(NR * 2 / 3)] }')
	done
	git -C "$dir" checkout -q --detach "$to"
	(cd "$dir" && "$gsync" install) >"$work/push.log" 2>&1 </dev/null || {
		cat "$work/push.log" >&2
		fail 'gsync install failed' 'its own words are above'
	}
	python3 - "$repeat_push" "$dir" "$gsync" "$from..$to" >"$work/push.json" <<'PY'
import json, sys
rounds, dir, gsync, span = int(sys.argv[1]), *sys.argv[2:]
cases = [
    ("`gsync guard --range A..B`", [gsync, "guard", "--range", span]),
    ("`git log --raw A..B` (only reads them)", ["git", "log", "--raw", "--no-renames", "--format=%H", span]),
]
# A finding in a real history is an answer too (exit 1).
json.dump({"rounds": rounds, "cases": [{"name": n, "dir": dir, "run": [a], "exits": [0, 1]} for n, a in cases]}, sys.stdout)
PY
	python3 "$work/time.py" "$work/push.json" >"$work/push.tsv"
	printf '## Judging a push of %s commits (ms)\n\n' "$count"
	printf 'The newest %s commits of a real history of %s; median of %s rounds, in random order in each round.\n\n' \
		"$count" "$(git -C "$dir" rev-list --count HEAD)" "$repeat_push"
	printf '| | median | fastest |\n|---|---:|---:|\n'
	awk -F'\t' '{ printf "| %s | %.1f | %.1f |\n", $1, $2, $3 }' "$work/push.tsv"
	printf '\nWanted: under 500 ms.\n\n'
}

machine
printf '\n'
for part in "${parts[@]}"; do "bench_$part"; done
