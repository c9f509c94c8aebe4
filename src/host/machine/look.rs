//! What is so on another machine, asked by a few lines of `sh`: what a directory with releases
//! holds, and who listens on a port, judged by the same rules as here.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::Machine;
use crate::base::shell_quote;
use crate::host::proof::{self, Process, Seen};

/// A directory with releases, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub dir: PathBuf,
    /// What is in `releases`, sorted.
    pub releases: Vec<PathBuf>,
    /// Where `current` leads.
    pub current: Option<PathBuf>,
}

/// Looks at a directory of another machine in one question: each takes the way there and back.
/// One that is not absolute is below the home there.
pub(super) fn place(machine: &Machine, dir: &Path) -> Result<Place> {
    let line = format!(
        "d={dir}; case $d in /*) ;; *) d=$HOME/$d;; esac; printf '%s\\0' \"$d\"\n\
         if [ -L \"$d/current\" ]; then readlink -n \"$d/current\" || exit 1; fi; printf '\\0'\n\
         [ -d \"$d/releases\" ] || exit 0; cd \"$d/releases\" || exit 1\n\
         for f in * .[!.]* ..?*; do if [ -e \"$f\" ] || [ -L \"$f\" ]; then printf '%s\\0' \"$f\"; fi; done",
        dir = shell_quote(super::utf8(dir)?)
    );
    let said = machine.must(&format!("look at {}", dir.display()), &line, b"")?;
    let mut parts = said.split(|byte| *byte == 0);
    let mut part = || parts.next().map(|it| PathBuf::from(OsString::from_vec(it.to_vec())));
    let dir = part().filter(|dir| dir.is_absolute());
    let dir = dir.with_context(|| format!("{} has no home directory for us", machine.name()))?;
    let current = part().filter(|to| !to.as_os_str().is_empty());
    let mut releases: Vec<PathBuf> = std::iter::from_fn(part).collect();
    releases.retain(|name| !name.as_os_str().is_empty());
    releases.sort();
    Ok(Place { dir, releases, current })
}

const PATIENCE: Duration = Duration::from_secs(10);

/// Prints the tables of sockets, who holds which, and what is known of the holders. One `ls`
/// looks at all processes: a loop over them would take seconds.
const LISTENERS: &str = r#"
cat /proc/net/tcp 2>/dev/null || { echo blind; exit 0; }
[ ! -r /proc/net/tcp6 ] || cat /proc/net/tcp6
echo holders
ls -l /proc/[0-9]*/fd 2>/dev/null | awk '
	/^\/proc\// { split($0, part, "/"); pid = part[3]; next }
	/socket:\[/ { socket = $NF; gsub(/[^0-9]/, "", socket); print pid, socket }'
"#;

pub(super) fn on_port(machine: &Machine, port: u16) -> Seen<Vec<Process>> {
    let text = match ask(machine, LISTENERS) {
        Ok(text) => text,
        Err(why) => return Seen::CannotTell(why),
    };
    let Some((tables, holders)) = text.split_once("holders\n") else {
        return Seen::CannotTell(format!("{} does not tell who listens", machine.name()));
    };
    let mut sockets = proof::sockets_of(tables, port);
    sockets.dedup();
    if sockets.is_empty() {
        return Seen::Is(Vec::new());
    }
    let held: Vec<(u32, u64)> = holders
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(pid, socket)| Some((pid.parse().ok()?, socket.parse().ok()?)))
        .filter(|(_, socket)| sockets.contains(socket))
        .collect();
    let unseen = sockets.iter().filter(|it| !held.iter().any(|(_, socket)| socket == *it)).count();
    let mut pids: Vec<u32> = held.iter().map(|(pid, _)| *pid).collect();
    pids.sort_unstable();
    pids.dedup();
    match details(machine, &pids) {
        Seen::Is(processes) => proof::judge(port, processes, unseen),
        Seen::CannotTell(why) => Seen::CannotTell(why),
    }
}

pub(super) fn process(machine: &Machine, pid: u32) -> Seen<Option<Process>> {
    match details(machine, &[pid]) {
        Seen::Is(mut found) => Seen::Is(found.pop()),
        Seen::CannotTell(why) => Seen::CannotTell(why),
    }
}

/// What is known of these processes; those that are dead are left out.
fn details(machine: &Machine, pids: &[u32]) -> Seen<Vec<Process>> {
    let list: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let line = format!(
        "[ -r /proc/self/stat ] || {{ echo blind; exit 0; }}\n\
         for p in {}; do q=$p\n\
         while [ \"${{q:-0}}\" -gt 0 ] && s=$(cat /proc/$q/stat 2>/dev/null); do\n\
         echo \"stat $p $s\"; s=${{s##*) }}; s=${{s#* }}; q=${{s%% *}}; done\n\
         d=$(readlink /proc/$p/cwd 2>/dev/null) && echo \"cwd $p $d\"\n\
         done; echo end",
        list.join(" ")
    );
    let text = match ask(machine, &line) {
        Ok(text) => text,
        Err(why) => return Seen::CannotTell(why),
    };
    if !text.ends_with("end\n") {
        return Seen::CannotTell(format!("{} has no /proc", machine.name()));
    }
    let lines = |kind: &str, pid: u32| -> Vec<String> {
        let start = format!("{kind} {pid} ");
        text.lines().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
    };
    let found = pids.iter().filter_map(|pid| {
        let mut chain =
            lines("stat", *pid).into_iter().map(|stat| proof::parse_stat(stat.as_bytes()));
        let (parent, started) = chain.next()??;
        let mut parents = vec![parent];
        parents.extend(chain.map_while(|stat| stat.map(|(parent, _)| parent)));
        parents.retain(|parent| *parent > 0);
        let cwd = match lines("cwd", *pid).pop() {
            Some(cwd) => Seen::Is(PathBuf::from(cwd)),
            None => Seen::CannotTell(format!("the directory of process {pid} cannot be seen")),
        };
        Some(Process { pid: *pid, parents, started, cwd })
    });
    Seen::Is(found.collect())
}

fn ask(machine: &Machine, line: &str) -> Result<String, String> {
    match machine.ask(line, b"", PATIENCE) {
        Ok(out) => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        Err(err) => Err(format!("{err:#}")),
    }
}
