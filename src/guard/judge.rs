//! Files against the rules. Fed with paths and contents by whoever can see them; blind itself.

mod said;

use std::io::{self, Read};
use std::sync::Arc;

use gix::ObjectId;
use gix::hashtable::HashMap;

use super::policy::{Allowed, Policy};
use super::rules::{Check, Markers, RULES, SECRET};
use super::secrets::{self, Copied, Hit, Seen};
use super::{Finding, MOST, Place, Severity, Verdict};
use crate::base::RepoPath;

pub use said::{Text, said};

/// Of a content that is too large to be held so much is looked at at once.
const PIECE: u64 = 8 << 20;

/// What is to be known of an object before it can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    Size,
    Content,
}

/// What a rule has against an object, wherever it stands.
#[derive(Debug, Clone)]
pub struct Fault {
    rule: &'static str,
    /// Of a secret, the words before it.
    what: String,
    hit: Option<Arc<Hit>>,
    within: Within,
}

/// What a line of a secret is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    File,
    Message,
    /// A name is one line.
    Name,
}

impl Fault {
    fn new(rule: &'static str, what: String) -> Self {
        Self { rule, what, hit: None, within: Within::File }
    }
}

/// Judges one push, commit or tree.
pub struct Judge<'p> {
    pub policy: &'p Policy,
    pub verdict: Verdict,
    /// Most have no fault, and that is said without an allocation.
    blobs: HashMap<ObjectId, Option<Arc<[Fault]>>>,
}

impl<'p> Judge<'p> {
    pub fn new(policy: &'p Policy, mut verdict: Verdict) -> Self {
        if let Some(why) = &policy.instead_of {
            verdict.notes.push(format!("{why}; judged by {}", policy.origin));
        }
        Self { policy, verdict, blobs: HashMap::default() }
    }

    /// Judges a path by its name.
    pub fn path(&mut self, place: &Place) {
        let Some(path) = &place.path else { return };
        let named = named(self.policy, path.as_bytes());
        self.faults(&named, place);
    }

    /// Judges what a commit, a tag or a ref says.
    pub fn text(&mut self, text: Text, bytes: &[u8], place: &Place) {
        let faults = said(self.policy, text, bytes, place);
        self.faults(&faults, place);
    }

    /// What must be known of an object for `blob`.
    pub fn needs(&self, id: &ObjectId) -> Needs {
        if self.blobs.contains_key(id) {
            return Needs::Nothing;
        }
        let rules = &self.policy.config.guard;
        if rules.conflict_markers || rules.secrets { Needs::Content } else { Needs::Size }
    }

    /// Takes note of an object: its size, and its bytes unless they are too many to look at.
    pub fn learn(&mut self, id: ObjectId, size: u64, bytes: Option<&[u8]>) {
        let looked = look(self.policy, size, bytes, None);
        self.learned(id, size, looked.faults);
    }

    /// Takes note of an object that somebody else looked at.
    pub fn learned(&mut self, id: ObjectId, size: u64, faults: Vec<Fault>) {
        let faults = (!faults.is_empty()).then(|| faults.into());
        if self.blobs.insert(id, faults).is_none() {
            self.verdict.judged.bytes += size;
        }
    }

    /// Judges what was found in a text.
    pub fn faults(&mut self, faults: &[Fault], place: &Place) {
        for fault in faults {
            self.find(fault, place);
        }
    }

    /// Whether an object that was learned has some fault.
    pub fn has_faults(&self, id: &ObjectId) -> bool {
        self.blobs.get(id).is_some_and(Option::is_some)
    }

    /// Lets go of an object that was learned.
    pub fn forget(&mut self, id: &ObjectId) {
        self.blobs.remove(id);
    }

    /// Judges an object that was learned at one of its places.
    /// `old` says whether a secret stood there before, so that it is no news.
    pub fn blob(&mut self, id: &ObjectId, place: &Place, mut old: impl FnMut(&Hit) -> bool) {
        let Some(faults) = self.blobs.get(id).cloned().flatten() else { return };
        for fault in faults.iter() {
            if !fault.hit.as_ref().is_some_and(|hit| old(hit)) {
                self.find(fault, place);
            }
        }
    }

    /// The verdict. A secret may stand in the very names and messages that are told: there it
    /// is covered.
    pub fn finish(self) -> Verdict {
        let mut verdict = self.verdict;
        let Some(Ok(scanner)) = self.policy.scanner() else { return verdict };
        for finding in &mut verdict.findings {
            finding.cover(|text| scanner.covered(text, |_, _| false));
        }
        if self.policy.is_narrowed() && verdict.findings.iter().any(|found| found.rule == SECRET) {
            verdict.notes.push(format!(
                "what {} newly lets pass holds for secrets once the hub's main branch says so too",
                self.policy.origin
            ));
        }
        verdict
    }

    /// Something that should be judged and cannot be read.
    pub fn unknown(&mut self, place: Place, severity: Severity, what: String) {
        self.verdict.add(Finding::new("unknown", severity, place, what));
    }

    fn find(&mut self, fault: &Fault, place: &Place) {
        let path = place.path.as_ref().map(RepoPath::as_bytes);
        let allowed = match &fault.hit {
            Some(hit) => self.policy.allows_secret(hit, path),
            None if fault.rule == SECRET => self.policy.allows_all_secrets(path),
            None if self.policy.allows(fault.rule, path) => Allowed::Yes,
            None => Allowed::No,
        };
        let unheard = allowed == Allowed::Yes
            && self.policy.is_unheard(fault.rule, fault.hit.as_deref(), path);
        if allowed == Allowed::Yes && !unheard {
            return;
        }
        self.verdict.prints.extend(fault.hit.iter().map(|hit| hit.fingerprint.sum()));
        // What is only counted needs no words.
        if self.verdict.findings.len() >= MOST {
            self.verdict.more += 1;
            return;
        }
        let mut message = fault.what.clone();
        if let Some(hit) = &fault.hit {
            let Hit { about, line, shown, fingerprint, .. } = &**hit;
            let place = match fault.within {
                Within::File => format!(" in line {line}"),
                Within::Message => format!(" in line {line} of the message"),
                Within::Name => String::new(),
            };
            message += &format!(" a secret ({about}){place}: {shown} [{fingerprint}]");
        }
        // Not every hub judges, and what is named one by one was decided by somebody.
        let severity = if unheard { Severity::Warning } else { Severity::Error };
        let mut finding = Finding::new(fault.rule, severity, place.clone(), message);
        finding.secret.clone_from(&fault.hit);
        finding.unheard = unheard;
        if let Allowed::Expired(until) = allowed {
            let day = until.rfc3339();
            let day = day.split('T').next().unwrap_or_default();
            finding.because.push(format!("its exception in {} ended on {day}", self.policy.origin));
        }
        self.verdict.add(finding);
    }
}

/// What the rules have against the name of a file.
pub fn named(policy: &Policy, path: &[u8]) -> Vec<Fault> {
    let named = RULES.iter().filter_map(|rule| match rule.check {
        Check::Path(check) => Some(Fault::new(rule.id, check(policy, path)?)),
        _ => None,
    });
    named.chain(searched(policy, path, "has a name with", Within::Name)).collect()
}

/// What is known of a content after it was looked at.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    pub faults: Vec<Fault>,
    /// What was found in it, for its next version.
    pub seen: Seen,
}

/// Another version of a content, that was looked at before.
pub struct Former<'a> {
    pub bytes: &'a [u8],
    pub seen: &'a Seen,
    /// Which bytes the new version has from it, if that is known.
    pub copied: Option<Vec<Copied>>,
}

/// Looks at a content.
pub fn look(
    policy: &Policy,
    size: u64,
    bytes: Option<&[u8]>,
    former: Option<&Former<'_>>,
) -> Looked {
    let mut looked = Looked::default();
    for rule in RULES {
        let what = match (&rule.check, bytes) {
            (Check::Size(check), _) => check(policy, size),
            (Check::Content(check), Some(bytes)) => check(policy, bytes),
            (Check::Secret, Some(bytes)) => {
                match policy.scanner() {
                    None => {}
                    Some(Err(why)) => looked.faults.push(unsearchable(why)),
                    Some(Ok(scanner)) => {
                        looked.seen = match former {
                            Some(Former { bytes: old, seen, copied: Some(copied) }) => {
                                scanner.rescan_copied(old, seen, bytes, copied)
                            }
                            Some(Former { bytes: old, seen, .. }) => {
                                scanner.rescan(old, seen, bytes)
                            }
                            None => scanner.scan(bytes),
                        };
                        looked.faults.extend(told(&looked.seen, "has", Within::File));
                    }
                }
                None
            }
            _ => None,
        };
        looked.faults.extend(what.map(|what| Fault::new(rule.id, what)));
    }
    looked
}

/// Looks at a content that is too large to be held.
pub fn look_along(
    policy: &Policy,
    size: u64,
    read: &mut dyn Read,
    go_on: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<Vec<Fault>> {
    let mut faults = look(policy, size, None, None).faults;
    let mut markers = Markers::new(policy);
    let mut piece = |bytes: &[u8]| {
        markers.read(bytes);
        go_on()
    };
    match policy.scanner() {
        Some(Ok(scanner)) => {
            let seen = scanner.scan_stream(read, &mut piece)?;
            faults.extend(told(&seen, "has", Within::File));
        }
        // Conflicts are told when there are no secrets to look for.
        other => {
            let mut bytes = Vec::new();
            loop {
                bytes.clear();
                Read::take(&mut *read, PIECE).read_to_end(&mut bytes)?;
                if bytes.is_empty() {
                    break;
                }
                piece(&bytes)?;
            }
            faults.extend(other.and_then(|it| it.as_ref().err()).map(|why| unsearchable(why)));
        }
    }
    let conflict = markers.found();
    faults.extend(conflict.map(|(rule, what)| Fault::new(rule, what)));
    Ok(faults)
}

/// The secrets in some bytes, as a sentence that begins with `what`.
fn searched(policy: &Policy, bytes: &[u8], what: &str, within: Within) -> Vec<Fault> {
    match policy.scanner() {
        None => Vec::new(),
        Some(Ok(scanner)) => told(&scanner.scan(bytes), what, within),
        Some(Err(why)) => vec![unsearchable(why)],
    }
}

fn told(seen: &Seen, what: &str, within: Within) -> Vec<Fault> {
    let fault = |hit: &Hit| {
        let hit = Some(Arc::new(hit.clone()));
        Fault { hit, within, ..Fault::new(SECRET, what.to_owned()) }
    };
    let mut faults: Vec<Fault> = seen.hits.iter().map(fault).collect();
    // The others may be new: nobody can say that they were there before.
    if seen.more {
        let what = format!("{what} more than {} secrets, too many to judge each", secrets::MOST);
        faults.push(Fault::new(SECRET, what));
    }
    faults
}

/// What cannot be searched does not pass.
fn unsearchable(why: &str) -> Fault {
    let what = format!("cannot be searched for secrets: {why}");
    Fault::new(SECRET, what)
}

#[cfg(test)]
mod tests {
    use super::super::Scene;
    use super::*;
    use crate::config::Config;

    fn policy() -> Policy {
        Policy::new(".gsync.toml", Config::default(), false)
    }

    fn place(path: &str) -> Place {
        Place { path: Some(path.into()), ..Place::default() }
    }

    #[test]
    fn a_known_object_is_judged_anew_at_every_place() {
        let mut config = Config::default();
        config.guard.allow = vec![crate::config::Allow {
            path: Some("fixtures/**".into()),
            rule: "file-size".into(),
            fingerprint: None,
            reason: None,
            expires: None,
        }];
        let policy = Policy::new(".gsync.toml", config, false);
        let mut judge = Judge::new(&policy, Verdict::new(Scene::Push));
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        assert_eq!(judge.needs(&id), Needs::Content);
        judge.learn(id, 20_000_000, None);
        assert_eq!(judge.needs(&id), Needs::Nothing);
        judge.blob(&id, &place("fixtures/big"), |_| false);
        assert!(judge.verdict.passes());
        judge.blob(&id, &place("big"), |_| false);
        assert_eq!(judge.verdict.findings.len(), 1);
        assert!(!judge.verdict.passes());
    }

    #[test]
    fn too_many_findings_are_counted_and_refuse_all_the_same() {
        let policy = policy();
        let mut judge = Judge::new(&policy, Verdict::new(Scene::Push));
        (0..super::super::MOST + 5).for_each(|n| judge.path(&place(&format!("{n}/.env"))));
        assert_eq!(judge.verdict.findings.len(), super::super::MOST);
        assert_eq!(judge.verdict.more, 5);
    }
}
