//! Steps of services: driven, watched, logged, judged, and mended at most once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::drive;
use crate::base::{Bytes, File, plain};
use crate::git::Git;
use crate::host::leftovers::{Note, fresh};
use crate::host::log::{Log, Mask};
use crate::host::{self, env};
use crate::pipeline::facts;
use crate::pipeline::judge::Judge;
use crate::pipeline::matchers::{Matchers, own};
use crate::pipeline::plan::key;
use crate::pipeline::reader::Reader;
use crate::pipeline::state::{self, Failed, State};
use crate::pipeline::verdict::{Asked, Ended, Verdict};
use crate::plan::{Drive, Remedy, Task};

/// What a remedy may take.
const MENDING: Duration = Duration::from_mins(10);

/// Everything that is said, on its way to the log, the judge and whoever listens.
pub(super) struct Ear<'a> {
    /// By which the processes of this step are known.
    pub(super) mark: String,
    reader: Reader,
    judge: Judge,
    log: &'a mut Log,
    mask: &'a Mask,
    out: &'a mut dyn FnMut(&str),
    /// Which of the remedies' complaints were heard.
    complaints: &'a [(usize, regex::bytes::Regex)],
    heard: Vec<usize>,
    /// What a person must know if the step failed.
    remarks: Vec<String>,
}

impl Ear<'_> {
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.hear(Some(piece));
    }

    /// Without a piece: the end, for a last line that has none.
    fn hear(&mut self, piece: Option<&[u8]>) {
        let (judge, log, out) = (&mut self.judge, &mut self.log, &mut self.out);
        let (complaints, heard, mask) = (self.complaints, &mut self.heard, self.mask);
        let mut room = Vec::new();
        let mut each = |block: &[u8]| {
            let block = mask.hide(block, &mut room);
            judge.block(block);
            log.lines(block);
            for (at, complaint) in complaints {
                if !heard.contains(at) && complaint.is_match(block) {
                    heard.push(*at);
                }
            }
            say(block, out);
        };
        match piece {
            Some(piece) => self.reader.push(piece, &mut each),
            None => self.reader.end(&mut each),
        }
    }

    /// Whether all that the step must say was said.
    pub(super) fn has_succeeded(&self) -> bool {
        self.judge.has_succeeded()
    }

    pub(super) fn remark(&mut self, line: &str) {
        self.log.remark(line);
        (self.out)(line);
        self.remarks.push(line.to_owned());
    }
}

fn say(block: &[u8], out: &mut dyn FnMut(&str)) {
    for line in block.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        out(&plain(&String::from_utf8_lossy(line)));
    }
}

/// The matchers of a repository. Compiling them takes longer than many a step, so they are kept.
fn matchers(git: &Git) -> Result<Arc<Matchers>> {
    static KEPT: Mutex<Option<(Option<String>, Arc<Matchers>)>> = Mutex::new(None);
    let own = facts::own_matchers(git)?;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((text, matchers)) = &*kept
        && *text == own
    {
        return Ok(Arc::clone(matchers));
    }
    let matchers = Arc::new(Matchers::new(own.as_deref())?);
    *kept = Some((own, Arc::clone(&matchers)));
    Ok(matchers)
}

/// Does one step of a service, and remembers how that went. While it runs it is noted, so that
/// its processes are found if we are killed.
pub(super) fn perform(git: &Git, task: &Task, out: &mut dyn FnMut(&str)) -> Result<()> {
    let note = super::leftovers::note(git);
    let mark = fresh();
    Note { mark: mark.clone(), step: format!("{}: {}", task.service, task.name) }.leave(&note)?;
    let done = attempt(git, task, &mark, out);
    Note::take_away(&note);
    done
}

fn attempt(git: &Git, task: &Task, stamp: &str, out: &mut dyn FnMut(&str)) -> Result<()> {
    let matchers = matchers(git)?;
    let mut state = facts::remembered(git)?;
    if task.first {
        state.failed = None;
        state.fixes.clear();
    }
    // It may have been done once; now it is not, until it is again.
    state.done.retain(|done| *done != key(task));
    let mut log = Log::begin(&task.logs)?;
    let mut secrets = env::secrets();
    if let Some(clean) = &task.clean {
        let machine = super::place::open(clean.host.as_deref())?;
        secrets.extend(super::place::secrets(&machine, clean.file.as_deref())?);
    }
    let mask = Mask::new(secrets);
    let mut tried: Vec<String> = Vec::new();
    let mut remarks: Vec<String> = Vec::new();
    let verdict = loop {
        log.remark(&format!("{task}"));
        let open: Vec<usize> =
            (0..task.fix.len()).filter(|at| !state.fixes.contains(&entry(task, *at))).collect();
        let complaints = complaints(task, &open)?;
        let asked = Asked {
            command: match &task.drive {
                Drive::Run(command) => command,
                _ => "",
            },
            error: &task.error,
            success: &task.success,
            ok_exit: &task.ok_exit,
            fallback_ok: task.fallback_ok,
        };
        let judge = Judge::new(Arc::clone(&matchers), &asked).map_err(anyhow::Error::msg)?;
        let mut ear = Ear {
            mark: stamp.to_owned(),
            reader: Reader::default(),
            judge,
            log: &mut log,
            mask: &mask,
            out,
            complaints: &complaints,
            heard: Vec::new(),
            remarks: Vec::new(),
        };
        let ended = drive::drive(task, &mut ear);
        ear.hear(None);
        let heard = ear.heard.first().copied();
        remarks.append(&mut ear.remarks);
        let verdict = ear.judge.finish(&ended);
        let remedy = heard.filter(|_| !verdict.ok() && !super::stopped());
        let Some(at) = remedy else { break verdict };
        state.fixes.push(entry(task, at));
        tried.push(task.fix[at].run.clone());
        out(&format!("mending: {}", plain(&task.fix[at].run)));
        if let Err(why) = mend(&task.fix[at], stamp, &mut log, &mask, out) {
            out(&format!("not mended: {why:#}"));
            log.remark(&format!("not mended: {why:#}"));
            break verdict;
        }
    };
    if verdict.ok() {
        log.drop();
        state.done.push(key(task));
        return remember(git, &state);
    }
    log.remark(&verdict.reason());
    let kept = log.keep()?;
    let failed = Failed {
        service: task.service.clone(),
        step: task.name.clone(),
        number: task.number,
        of: task.of,
        reason: verdict.reason(),
        first: verdict.first.clone(),
        log: Some(kept.display().to_string()),
        fixes: tried,
    };
    // It is read by programs, and what a tool said is kept for as long as nothing else fails.
    state.failed = Some(crate::base::covered_facts(failed));
    remember(git, &state)?;
    bail!("{}", told(task, &verdict, &remarks, &kept.display().to_string()))
}

/// The short report of a failure: which step, why, the first error with its lines, the log.
fn told(task: &Task, verdict: &Verdict, remarks: &[String], log: &str) -> String {
    let mut text = format!(
        "step {} of {} ({}: {}): {}",
        task.number,
        task.of,
        plain(&task.service),
        plain(&task.name),
        verdict.reason()
    );
    if let Some(first) = &verdict.first {
        text += &format!("\n    line {} of {} of its log:", first.line, verdict.lines);
        let before = first.before.iter().map(|line| ("  ", line));
        let after = first.after.iter().map(|line| ("  ", line));
        for (mark, line) in before.chain([("> ", &first.text)]).chain(after) {
            text += &format!("\n    {mark}{line}");
        }
    }
    for remark in remarks {
        text += &format!("\n    {remark}");
    }
    text + &format!("\n    log: {log}")
}

fn entry(task: &Task, at: usize) -> String {
    format!("{}#{at}", task.service)
}

fn complaints(task: &Task, open: &[usize]) -> Result<Vec<(usize, regex::bytes::Regex)>> {
    let mut found = Vec::new();
    for at in open {
        let when = own(std::slice::from_ref(&task.fix[*at].when)).map_err(anyhow::Error::msg)?;
        found.extend(when.map(|when| (*at, when)));
    }
    Ok(found)
}

fn mend(
    remedy: &Remedy,
    stamp: &str,
    log: &mut Log,
    mask: &Mask,
    out: &mut dyn FnMut(&str),
) -> Result<()> {
    log.remark(&format!("mending: {}", remedy.run));
    let start = Instant::now();
    let mut reader = Reader::default();
    let mut command = host::steps::shell(&remedy.run, &remedy.dir);
    let stop = &super::stopped;
    let ran = host::steps::run_as(Some(stamp), &mut command, MENDING, stop, &mut |piece| {
        let mut room = Vec::new();
        reader.push(piece, &mut |block| {
            let block = mask.hide(block, &mut room);
            log.lines(block);
            say(block, out);
        });
    });
    let ran = ran.with_context(|| format!("run {}", remedy.run))?;
    match ran.end {
        host::steps::End::Exit(0) => {
            log.remark(&format!("mended in {} s", start.elapsed().as_secs()));
            Ok(())
        }
        other => bail!("{}: {other:?}", remedy.run),
    }
}

/// Writes down what was brought up.
pub fn remember(git: &Git, state: &State) -> Result<()> {
    let dir = git.git_dir.join("gsync");
    std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    let file = File { bytes: Bytes(serde_json::to_vec_pretty(state)?), mode: 0o600 };
    host::write::file(&dir.join(state::FILE), &file)
}

/// Ends in the words of the judge.
pub(super) fn ended(ran: &host::steps::Ran, after: Duration, ear: &mut Ear<'_>) -> Ended {
    if !ran.survivors.is_empty() {
        let pids: Vec<String> = ran.survivors.iter().map(ToString::to_string).collect();
        ear.remark(&format!("still running, outside of its group: {}", pids.join(", ")));
    }
    match ran.end {
        host::steps::End::Exit(code) => Ended::Exit(code),
        host::steps::End::Signal(signal) => Ended::Signal(signal),
        host::steps::End::TimedOut => Ended::TimedOut(after),
        host::steps::End::Stopped => Ended::Failed("interrupted".to_owned()),
    }
}
