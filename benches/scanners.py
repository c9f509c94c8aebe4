"""The guard and its peers, each as a function from a folder to what it finds there: a list of
(path, line, rule). Used by recall.sh and precision.sh. None of them asks anything of a network."""

import json
import os
import shutil
import subprocess
import sys


def run(line, **more):
    return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)


def gsync(place, out):
    run(["git", "init", "-q", place])
    # What a .gitignore names would not be looked at otherwise.
    run(["git", "-C", place, "-c", "core.safecrlf=false", "add", "--all", "--force"])
    seen = run([os.environ["GSYNC"], "-C", place, "guard", "--all", "--json"])
    if seen.returncode not in (0, 1):
        sys.exit(f"gsync: {seen.stderr.strip()}")
    found = [one for one in json.loads(seen.stdout)["findings"] if one.get("secret")]
    return [(one["path"], one["secret"]["line"], one["secret"]["kind"]) for one in found]


def gitleaks(place, out):
    run([os.environ["GITLEAKS"], "dir", "--no-banner", "--report-format", "json", "--report-path",
         out, "--exit-code", "0", "."], cwd=place)
    with open(out) as report:
        return [(one["File"], one["StartLine"], one["RuleID"]) for one in json.load(report) or []]


def betterleaks(place, out):
    run([os.environ["BETTERLEAKS"], ".", "--no-banner", "--output", out, "--exit-code", "0"],
        cwd=place)
    with open(out) as report:
        found = json.load(report)["findings"] or []
    places = [(one["location"], one["rule_id"]) for one in found]
    return [(place["path"], place.get("start_line", 0), rule) for place, rule in places]


def kingfisher(place, out):
    run([os.environ["KINGFISHER"], "scan", ".", "--no-validate", "--no-update-check",
         "--no-dedup", "--format", "json", "--output", out], cwd=place)
    with open(out) as report:
        found = json.load(report)["findings"]
    return [(one["finding"]["path"], one["finding"]["line"], one["rule"]["id"]) for one in found]


def here():
    """Those that can be run, gsync first."""
    all = {"gsync": gsync, "gitleaks": gitleaks, "betterleaks": betterleaks,
           "kingfisher": kingfisher}
    tools = {name: scan for name, scan in all.items() if shutil.which(os.environ[name.upper()])}
    if "gsync" not in tools:
        sys.exit("error: GSYNC names no program\nhint: build one, or name it: GSYNC=PATH")
    return tools
