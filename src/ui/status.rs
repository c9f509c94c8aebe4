//! `gsync status` for people: one screen that begins with the verdict and ends with the next
//! step, and a line for a shell prompt. Sections with nothing in them are not there.

use super::Style;
use crate::base::{Change, Commit, Kind, Operation, Time, count, plain};
use crate::sync::facts::{Facts, Seen};
use crate::sync::status::{Relation, Status, Weather};

use super::sentence::{next, verdict};

/// How many rows a list has before it is cut off.
const COMMITS: usize = 10;
const PATHS: usize = 20;
const PEERS: usize = 8;

/// The whole screen.
pub fn screen(status: &Status, style: Style, width: usize) -> String {
    let mut page = Page { text: String::new(), style, width, now: status.now };
    let verdict = fold(&verdict(status), width);
    let told = match status.relation {
        _ if status.in_sync => style.good(&verdict),
        Relation::Synced => style.title(&verdict),
        Relation::Rewound | Relation::Gone | Relation::Unknown => style.warning(&verdict),
        _ => style.title(&verdict),
    };
    page.line(&told);
    page.line(&style.dim(&cut(&format!("{} in {}", status.peer, status.path), width)));
    if let Some(why) = &status.offline {
        let hub = status.upstream.as_deref().unwrap_or(&status.hub);
        let hub = plain(hub.split('/').next().unwrap_or(hub));
        page.line(&format!(
            "{} {}",
            style.warning("not fetched:"),
            cut(&format!("{hub}: {why}"), width.saturating_sub(13))
        ));
    }
    if let Some(run) = &status.unfinished {
        let how = if run.running { "is at work" } else { "was cut off" };
        let line = format!("run {} ({}) {how}", run.run, plain(&run.title));
        page.line(&format!("{} {line}", style.warning("unfinished:")));
    }
    if let Some(operation) = status.operation {
        let about = status.operation_branch.as_ref();
        let about = about.map(|branch| format!(" of {}", plain(branch.as_str())));
        let what = match operation {
            Operation::Conflicts => "unmerged paths are waiting to be resolved".to_owned(),
            other => format!("{other}{} in progress", about.unwrap_or_default()),
        };
        page.line(&style.warning(&what));
    }
    page.commits("incoming", &status.incoming, status.behind);
    page.commits("outgoing", &status.outgoing, status.ahead);
    page.commits("no longer in the upstream", &status.rewound, status.rewound.len());
    page.changes(&status.changes);
    page.forecast(status);
    page.elsewhere(status);
    page.peers(status);
    page.handoffs(&status.handoffs);
    page.apps(&status.apps);
    for note in &status.notes {
        page.line(&format!("{} {}", style.dim("note:"), plain(note)));
    }
    let next = next(status);
    if !next.is_empty() {
        page.line("");
        for hint in &next {
            page.line(&format!("{} {hint}", style.hint("hint:")));
        }
    }
    page.text
}

/// One line for a prompt, such as `main +1 -2 *3 (2m)`. What is not known is a `?`.
pub fn prompt(facts: &Facts, relation: Relation, seen: Option<&Seen>) -> String {
    let branch = facts.head.branch.as_ref().map(|branch| plain(branch.as_str()));
    let at = || facts.head.id.as_ref().map_or("?", |id| id.short()).to_owned();
    let mut words = vec![branch.unwrap_or_else(|| format!("@{}", at()))];
    let of = |side: &Option<crate::sync::facts::Side>| side.as_ref().map_or(0, |side| side.count);
    let (ahead, behind) = (of(&facts.outgoing), of(&facts.incoming));
    match relation {
        Relation::Synced => words.push("=".into()),
        Relation::Ahead | Relation::Behind | Relation::Diverged => {
            words.extend((ahead > 0).then(|| format!("+{ahead}")));
            words.extend((behind > 0).then(|| format!("-{behind}")));
        }
        Relation::Detached => {}
        Relation::None => words.push("local".into()),
        Relation::Unknown => words.push("?".into()),
        Relation::Gone | Relation::Rewound | Relation::Unborn => words.push(relation.word().into()),
    }
    match seen {
        Some(seen) if seen.dirty > 0 => words.push(format!("*{}", seen.dirty)),
        Some(seen) if facts.now.0 - seen.at.0 < 10 => {}
        _ => words.push("*?".into()),
    }
    words.extend(facts.operation.as_ref().map(|(operation, _)| operation.word().to_owned()));
    let age = facts.fetched_at.map(|at| short_age(facts.now.0 - at.0));
    words.extend(facts.upstream.as_ref().map(|_| format!("({})", age.as_deref().unwrap_or("?"))));
    words.join(" ")
}

fn short_age(seconds: i64) -> String {
    match seconds {
        s if s < 60 => format!("{}s", s.max(0)),
        s if s < 3600 => format!("{}m", s / 60),
        s if s < 36 * 3600 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86400),
    }
}

/// A screen that is being written.
struct Page {
    text: String,
    style: Style,
    width: usize,
    now: Time,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
    }

    fn head(&mut self, title: &str, amount: &str) {
        self.line("");
        let title = self.style.title(title);
        self.line(&format!("{title}  {}", self.style.dim(amount)));
    }

    fn more(&mut self, shown: usize, all: usize) {
        if all > shown {
            self.line(&self.style.dim(&format!("  .. and {} more", all - shown)));
        }
    }

    fn commits(&mut self, title: &str, commits: &[Commit], all: usize) {
        if all == 0 {
            return;
        }
        self.head(title, &count(all, "commit"));
        let shown = &commits[..commits.len().min(COMMITS)];
        let by = |commit: &Commit| {
            format!("{}, {}", cut(&plain(&commit.author), 18), commit.time.ago(self.now))
        };
        let column = shown.iter().map(|commit| by(commit).chars().count()).max().unwrap_or(0);
        let room = self.width.saturating_sub(2 + 7 + 2 + 2 + column).max(12);
        let rows: Vec<String> = shown
            .iter()
            .map(|commit| {
                let summary = cut(&plain(&commit.summary), room);
                let (id, by) = (self.style.id(commit.id.short()), by(commit));
                format!("  {id}  {summary:room$}  {}", self.style.dim(&by))
            })
            .collect();
        for row in &rows {
            self.line(row);
        }
        self.more(shown.len(), all);
    }

    fn changes(&mut self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        self.head("not committed", &count(changes.len(), "path"));
        for change in changes.iter().take(PATHS) {
            let (index, worktree) = letters(change);
            let from = change.from.as_ref().map(|from| format!("{from} -> ")).unwrap_or_default();
            let sub = if change.submodule { "  (submodule)" } else { "" };
            let style = self.style;
            let letters = format!("{}{}", style.good(&index), style.id(&worktree));
            self.line(&format!("  {letters}  {from}{}{sub}", change.path));
        }
        self.more(changes.len().min(PATHS), changes.len());
    }

    fn forecast(&mut self, status: &Status) {
        let forecast = &status.forecast;
        match forecast.result {
            _ if status.behind == 0 => {}
            Weather::Clean => {
                self.line("");
                self.line(&format!("{}  nothing would conflict", self.style.title("pulling now")));
            }
            Weather::Unknown => {
                self.line("");
                let unknown = "it is not known what would conflict";
                self.line(&format!("{}  {unknown}", self.style.title("pulling now")));
            }
            Weather::Conflict => {
                self.head("pulling now would conflict", &count(forecast.paths.len(), "path"));
                for path in forecast.paths.iter().take(PATHS) {
                    let commits = forecast.commits.contains(path);
                    let what = if commits { "commits" } else { "uncommitted work" };
                    let row = format!("  {}  {path}", self.style.warning("!"));
                    self.line(&format!("{row}  {}", self.style.dim(what)));
                }
                self.more(forecast.paths.len().min(PATHS), forecast.paths.len());
            }
        }
    }

    fn handoffs(&mut self, handoffs: &[serde_json::Value]) {
        if handoffs.is_empty() {
            return;
        }
        self.head("handoffs for you", &handoffs.len().to_string());
        for one in handoffs.iter().take(COMMITS) {
            let word = |key: &str| plain(one[key].as_str().unwrap_or("?"));
            let (id, by) = (word("id"), format!("from {}, {}", word("from"), word("date")));
            let style = self.style;
            let row = format!("  {}  {}  {}", style.id(&id), word("status"), style.dim(&by));
            self.line(&row);
        }
        self.more(handoffs.len().min(COMMITS), handoffs.len());
        let first = plain(handoffs[0]["id"].as_str().unwrap_or("ID"));
        self.line(&self.style.dim(&format!("  `gsync handoff take {first}` says what to do")));
    }

    fn apps(&mut self, apps: &[serde_json::Value]) {
        if apps.is_empty() {
            return;
        }
        self.head("apps", &apps.len().to_string());
        for row in super::apps::rows(apps, self.now, self.style) {
            self.line(&row);
        }
    }

    fn elsewhere(&mut self, status: &Status) {
        let branches = &status.unpushed_branches;
        if !branches.is_empty() {
            let word = if branches.len() == 1 { "branch" } else { "branches" };
            self.head("not pushed", &format!("{} other {word}", branches.len()));
            for unpushed in branches.iter().take(COMMITS) {
                let branch = plain(unpushed.branch.as_str());
                self.line(&format!(
                    "  {branch}  {}",
                    self.style.dim(&count(unpushed.ahead, "commit"))
                ));
            }
            self.more(branches.len().min(COMMITS), branches.len());
        }
        if status.stashes > 0 {
            self.line("");
            let word = if status.stashes == 1 { "entry" } else { "entries" };
            let n = self.style.dim(&format!("{} {word}", status.stashes));
            self.line(&format!("{}  {n}", self.style.title("stashed")));
        }
    }
}

impl Page {
    fn peers(&mut self, status: &Status) {
        let shown = &status.peers[..status.peers.len().min(PEERS)];
        if shown.is_empty() {
            return;
        }
        self.head("peers", &count(status.peers.len(), "other clone"));
        for row in super::peers::rows(shown, self.now, self.style, self.width) {
            self.line(&row);
        }
        self.more(shown.len(), status.peers.len());
    }
}

/// git's two letters.
fn letters(change: &Change) -> (String, String) {
    let letter = |kind: Option<Kind>| match kind {
        None => " ",
        Some(Kind::Added) => "A",
        Some(Kind::Modified) => "M",
        Some(Kind::Deleted) => "D",
        Some(Kind::Renamed) => "R",
        Some(Kind::Copied) => "C",
        Some(Kind::Typechange) => "T",
        Some(Kind::Untracked) => "?",
        Some(Kind::Conflicted) => "U",
    };
    let doubled = matches!(change.worktree, Some(Kind::Untracked | Kind::Conflicted));
    let index = if doubled { change.worktree } else { change.index };
    (letter(index).to_owned(), letter(change.worktree).to_owned())
}

/// A sentence on as many lines as it needs.
fn fold(text: &str, width: usize) -> String {
    let mut folded = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let letters = word.chars().count();
        if column > 0 && column + 1 + letters > width {
            folded += "\n  ";
            column = 2;
        } else if column > 0 {
            folded.push(' ');
            column += 1;
        }
        folded += word;
        column += letters;
    }
    folded
}

/// A text in at most so many letters.
pub(super) fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let short: String = text.chars().take(room.saturating_sub(2)).collect();
    format!("{}..", short.trim_end())
}
