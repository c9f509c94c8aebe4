//! Whether a step succeeded, from how it ended and what it said, and which line to show.
//!
//! The order is the contract's: time, exit status, lines that no exit status outweighs, the
//! step's own error patterns, and at last the success that was asked for. Whatever is
//! uncertain is a failure.

use std::sync::Arc;

use regex::bytes::Regex;

use super::lines::{first_lines, last_lines, line_around, shown};
use super::matchers::{Kind, Matchers, Rule, own};
use super::verdict::{Asked, Ended, Found, Verdict, Why};

/// Lines that are shown before and after the first error.
const BEFORE: usize = 2;
const AFTER: usize = 4;
/// How near to its end a log must say so for `late`.
const LATE: u64 = 3;
/// How much of the log's end is read once more.
const TAIL: usize = 64 << 10;
const TAIL_LINES: usize = 100;

/// Reads a log as it comes, in blocks of clean lines, and judges at the end. What it keeps
/// does not grow with the log.
pub struct Judge {
    matchers: Arc<Matchers>,
    error: Option<Regex>,
    success: Option<Regex>,
    success_seen: bool,
    silent: bool,
    spoke: bool,
    ok_exit: Vec<i32>,
    fallback_ok: bool,
    lines: u64,
    /// Per tool the first line of each rank.
    hard: Vec<Option<Found>>,
    strong: Vec<Option<Found>>,
    summary: Vec<Option<Found>>,
    late: Vec<Option<Found>>,
    own: Option<Found>,
    guess: Option<Found>,
    closing: Option<Found>,
    armed: Vec<bool>,
    tail: Vec<u8>,
}

impl Judge {
    /// A judge for one step, or what is wrong with the step's patterns.
    pub fn new(matchers: Arc<Matchers>, asked: &Asked<'_>) -> Result<Self, String> {
        let none = vec![None; matchers.tools];
        Ok(Self {
            error: own(asked.error)?,
            success: own(asked.success)?,
            success_seen: false,
            silent: matchers.must_be_silent(asked.command),
            spoke: false,
            ok_exit: asked.ok_exit.to_vec(),
            fallback_ok: asked.fallback_ok,
            lines: 0,
            hard: none.clone(),
            strong: none.clone(),
            summary: none.clone(),
            late: none,
            own: None,
            guess: None,
            closing: None,
            armed: vec![false; matchers.pairs.len()],
            tail: Vec::new(),
            matchers,
        })
    }

    /// Takes a block of whole lines.
    pub fn block(&mut self, block: &[u8]) {
        self.finish_context(block);
        if self.silent && !self.spoke {
            self.spoke = block.iter().any(|byte| !byte.is_ascii_whitespace());
        }
        if let Some(error) = &self.error
            && self.own.is_none()
            && let Some(hit) = error.find(block)
        {
            let (start, end) = line_around(block, hit.start());
            self.own = Some(self.found(block, start, end));
        }
        if let Some(success) = &self.success {
            self.success_seen = self.success_seen || success.is_match(block);
        }
        let mut at = 0;
        while at < block.len() {
            let next =
                if self.armed.contains(&true) { Some(at) } else { self.matchers.next(block, at) };
            let Some(hit) = next else { break };
            let (start, end) = line_around(block, hit);
            self.line(block, start, end);
            at = end + 1;
        }
        self.lines += memchr::memchr_iter(b'\n', block).count() as u64;
        self.keep_tail(block);
    }

    /// Whether what the step must say was said, or nothing was asked for.
    pub fn has_succeeded(&self) -> bool {
        self.success.is_none() || self.success_seen
    }

    fn line(&mut self, block: &[u8], start: usize, end: usize) {
        let line = &block[start..end];
        for at in 0..self.armed.len() {
            let (tool, error) = &self.matchers.pairs[at];
            if self.armed[at] && error.is_match(line) {
                let tool = *tool;
                self.armed[at] = false;
                let found = self.found(block, start, end);
                self.late[tool] = Some(found.clone());
                self.strong[tool].get_or_insert(found);
                return;
            }
        }
        let mut rules: Vec<Rule> = self.matchers.of(line).collect();
        // A tool's harmless lines are harmless to its own patterns, and to mere words.
        let harmless: Vec<usize> =
            rules.iter().filter(|rule| rule.kind == Kind::Harmless).map(|rule| rule.tool).collect();
        rules.retain(|rule| {
            !harmless.contains(&rule.tool)
                && (harmless.is_empty() || self.matchers.words != Some(rule.tool))
        });
        let first = |kind: Kind| rules.iter().find(|rule| rule.kind == kind).map(|rule| rule.tool);
        for rule in &rules {
            match rule.kind {
                Kind::After(pair) => self.armed[pair] = true,
                Kind::Cleared => self.clear(rule.tool),
                _ => {}
            }
        }
        let (late, summary, hard) = (first(Kind::Late), first(Kind::Summary), first(Kind::Hard));
        let veto = hard.or(summary);
        let strong = if summary.is_some() { None } else { hard.or(first(Kind::Error)) };
        let is_word = summary.or(strong).is_none();
        let guess = is_word && first(Kind::Guess).is_some();
        let closing = is_word && !guess && first(Kind::Closing).is_some();
        // Most such lines say what was said before: only what is news is kept.
        let is_news = late.is_some()
            || veto.is_some_and(|tool| self.hard[tool].is_none())
            || summary.is_some_and(|tool| self.summary[tool].is_none())
            || strong.is_some_and(|tool| self.strong[tool].is_none())
            || ((guess || closing) && self.guess.is_none());
        if !is_news {
            return;
        }
        let found = self.found(block, start, end);
        if let Some(tool) = late {
            self.late[tool] = Some(found.clone());
        }
        if let Some(tool) = veto {
            self.hard[tool].get_or_insert_with(|| found.clone());
        }
        if let Some(tool) = summary {
            self.summary[tool].get_or_insert(found);
        } else if let Some(tool) = strong {
            self.strong[tool].get_or_insert(found);
        } else if guess {
            self.guess = Some(found);
        } else if closing {
            self.closing = Some(found);
        }
    }

    fn clear(&mut self, tool: usize) {
        for rank in [&mut self.hard, &mut self.strong, &mut self.summary, &mut self.late] {
            rank[tool] = None;
        }
    }

    fn found(&self, block: &[u8], start: usize, end: usize) -> Found {
        let line = self.lines + memchr::memchr_iter(b'\n', &block[..start]).count() as u64 + 1;
        let mut before: Vec<String> = last_lines(&block[..start], BEFORE).map(shown).collect();
        if before.len() < BEFORE {
            let missing = BEFORE - before.len();
            let earlier: Vec<String> = last_lines(&self.tail, missing).map(shown).collect();
            before.splice(0..0, earlier);
        }
        let rest = block.get(end + 1..).unwrap_or_default();
        let after = first_lines(rest, AFTER).map(shown).collect();
        Found { line, text: shown(&block[start..end]), before, after }
    }

    /// Gives the lines after an error that stood at the end of the last block.
    fn finish_context(&mut self, block: &[u8]) {
        let lines = self.lines;
        let ranks = [&mut self.hard, &mut self.strong, &mut self.summary, &mut self.late];
        let open = ranks
            .into_iter()
            .flat_map(|rank| rank.iter_mut().flatten())
            .chain(&mut self.own)
            .chain(&mut self.guess)
            .chain(&mut self.closing)
            .filter(|found| found.after.len() < AFTER);
        for found in open {
            if found.line + found.after.len() as u64 == lines {
                let more = AFTER - found.after.len();
                found.after.extend(first_lines(block, more).map(shown));
            }
        }
    }

    fn keep_tail(&mut self, block: &[u8]) {
        let from = block.len().saturating_sub(TAIL);
        self.tail.extend_from_slice(&block[from..]);
        if self.tail.len() > 2 * TAIL {
            let cut = self.tail.len() - TAIL;
            self.tail.drain(..cut);
        }
    }

    /// The last lines as they were, for a report.
    pub fn last(&self, n: usize) -> Vec<String> {
        last_lines(&self.tail, n).map(shown).collect()
    }

    /// Judges.
    pub fn finish(mut self, ended: &Ended) -> Verdict {
        // Once more over the end, as a whole: a pattern may have been split by a block.
        let tail = std::mem::take(&mut self.tail);
        let end = last_lines(&tail, TAIL_LINES)
            .next()
            .map_or(0, |line| line.as_ptr() as usize - tail.as_ptr() as usize);
        if let Some(error) = &self.error
            && self.own.is_none()
            && let Some(hit) = error.find(&tail[end..])
        {
            let (start, stop) = line_around(&tail, end + hit.start());
            let text = shown(&tail[start..stop]);
            self.own = Some(Found { line: self.lines, text, ..Found::default() });
        }
        let lines = self.lines;
        let end_says = self.late.iter().flatten().any(|late| lines - late.line < LATE);
        let hard = !self.fallback_ok && (end_says || self.hard.iter().flatten().next().is_some());
        let good = |code: &i32| match self.ok_exit.is_empty() {
            true => *code == 0,
            false => self.ok_exit.contains(code),
        };
        let strong = self.strong.iter().flatten().next().is_some();
        let why = match ended {
            Ended::Exit(code) if good(code) => None,
            Ended::Running if !strong => None,
            other => Some(Why::Ended(other.clone())),
        };
        let why = why.unwrap_or(match () {
            () if hard || self.own.is_some() => Why::Said,
            () if self.silent && self.spoke => Why::Spoke,
            () if self.success.is_some() && !self.success_seen => Why::NoSuccess,
            () => Why::Fine,
        });
        let first = (why != Why::Fine).then(|| self.first_error(&tail)).flatten();
        Verdict { why, first, lines }
    }

    fn first_error(&mut self, tail: &[u8]) -> Option<Found> {
        let earliest =
            |rank: &[Option<Found>]| rank.iter().flatten().min_by_key(|it| it.line).cloned();
        let own = self.own.take();
        let best = own.or_else(|| earliest(&self.strong)).or(self.guess.take());
        let best = best.or(self.closing.take()).or_else(|| earliest(&self.summary));
        best.or_else(|| {
            // Nothing looks like an error: the last thing that was said is the best there is.
            let lines: Vec<&[u8]> = last_lines(tail, TAIL_LINES).collect();
            let at = lines.iter().rposition(|line| !line.trim_ascii().is_empty())?;
            let before =
                lines[at.saturating_sub(BEFORE)..at].iter().map(|line| shown(line)).collect();
            let line = self.lines - (lines.len() - 1 - at) as u64;
            Some(Found { line, text: shown(lines[at]), before, after: Vec::new() })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn judge(log: &str, ended: &Ended, asked: &Asked<'_>) -> Verdict {
        let matchers = Arc::new(Matchers::new(None).unwrap());
        let mut judge = Judge::new(matchers, asked).unwrap();
        judge.block(log.as_bytes());
        judge.finish(ended)
    }

    fn plainly(log: &str, code: i32) -> Verdict {
        judge(log, &Ended::Exit(code), &Asked::default())
    }

    #[test]
    fn exit_0_is_outweighed_by_a_line_that_only_a_failure_prints() {
        let verdict = plainly("> tsc || true\nsrc/a.ts(1,17): error TS2307: no\nDone\n", 0);
        assert_eq!(verdict.why, Why::Said);
        let first = verdict.first.unwrap();
        assert_eq!((first.line, first.text.as_str()), (2, "src/a.ts(1,17): error TS2307: no"));
        assert_eq!(first.before, ["> tsc || true"]);
        assert_eq!(first.after, ["Done"]);
    }

    #[test]
    fn words_alone_never_fail_a_good_exit() {
        for log in [
            "0 errors\n",
            "compiling error-handling.ts\n",
            "failed: 0\n",
            "warning: unused variable: `failed`\n",
            "make: [Makefile:2: all] Error 1 (ignored)\n",
            "error: something that was tried again\nok\n",
        ] {
            assert_eq!(plainly(log, 0).why, Why::Fine, "{log}");
        }
    }

    #[test]
    fn error_comes_before_success_wherever_it_stands() {
        let asked = Asked {
            error: &["^boom".to_owned()],
            success: &["^ready$".to_owned()],
            ..Asked::default()
        };
        assert!(judge("ready\n", &Ended::Exit(0), &asked).ok());
        assert_eq!(judge("ready\nboom\n", &Ended::Exit(0), &asked).why, Why::Said);
        assert_eq!(judge("boom\nready\n", &Ended::Exit(0), &asked).why, Why::Said);
        assert_eq!(judge("fine\n", &Ended::Exit(0), &asked).why, Why::NoSuccess);
        let late = Ended::TimedOut(Duration::from_secs(5));
        assert_eq!(judge("ready\n", &late, &asked).why, Why::Ended(late));
    }

    #[test]
    fn an_exit_that_is_said_to_be_good_is_good_and_no_other() {
        let asked = Asked { ok_exit: &[0, 1], ..Asked::default() };
        assert!(judge("", &Ended::Exit(1), &asked).ok());
        assert!(!judge("", &Ended::Exit(2), &asked).ok());
    }

    #[test]
    fn a_watcher_whose_next_build_is_good_is_good() {
        let log = "ERROR in ./src/b.js 2:0\nwebpack 5.1 compiled with 1 error in 4 ms\n";
        assert!(!judge(log, &Ended::Running, &Asked::default()).ok());
        let fixed = format!("{log}webpack 5.1 compiled successfully in 1 ms\n");
        assert!(judge(&fixed, &Ended::Running, &Asked::default()).ok());
    }

    #[test]
    fn the_exception_is_named_and_not_the_traceback() {
        let log = "start\nTraceback (most recent call last):\n  File \"a.py\", line 1\n    \
                   x()\nDoesNotExist: no such row\n";
        let verdict = plainly(log, 1);
        assert_eq!(verdict.first.unwrap().text, "DoesNotExist: no such row");
        assert_eq!(plainly(log, 0).why, Why::Said, "a traceback that ends the log");
        let caught = format!("{log}retrying\n1\n2\n3\ndone\n");
        assert!(plainly(&caught, 0).ok());
    }

    #[test]
    fn a_line_that_only_sums_up_gives_way_to_the_error() {
        let log = "cc a.c\na.c:1:2: error: expected ';'\nmake: *** [Makefile:2: a] Error 1\n";
        assert_eq!(plainly(log, 2).first.unwrap().line, 2);
        let log = "cp: cannot stat 'x'\nmake: *** [Makefile:2: a] Error 1\n";
        assert_eq!(plainly(log, 2).first.unwrap().line, 1);
    }

    #[test]
    fn the_blocks_do_not_matter() {
        let log = "a\nb\nc\nerror[E0308]: no\nd\ne\nf\ng\nh\nerror: could not compile `x`\n";
        let whole = plainly(log, 101);
        let matchers = Arc::new(Matchers::new(None).unwrap());
        let mut judge = Judge::new(matchers, &Asked::default()).unwrap();
        for line in log.split_inclusive('\n') {
            judge.block(line.as_bytes());
        }
        assert_eq!(judge.finish(&Ended::Exit(101)), whole);
        let first = whole.first.unwrap();
        assert_eq!(first.before, ["b", "c"]);
        assert_eq!(first.after, ["d", "e", "f", "g"]);
    }

    #[test]
    fn hostile_text_cannot_move_the_cursor_of_a_report() {
        let verdict = plainly("error TS1: \u{9b}31m\u{7}x\n", 1);
        assert!(!verdict.first.unwrap().text.contains(char::is_control));
    }
}
