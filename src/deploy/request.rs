//! What a clone asks of the server of an app: a small typed document that travels as a commit,
//! never words for a command line; and the marks by which the answer is told from talk.

use serde::{Deserialize, Serialize};

use crate::base::{Exit, Problem, RefName, plain, shell_quote};

/// Where requests go, for as long as nobody has taken them.
pub const BELOW: &str = "refs/gsync/requests/";
/// The one file of such a commit.
pub const FILE: &str = "request.json";
/// A request is not larger than this.
pub const LARGEST: usize = 4096;
/// What this gsync speaks.
const VERSION: u32 = 1;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub gsync: u32,
    /// The app that is meant: a remote may lead to another one than somebody believes.
    pub app: String,
    pub ask: Ask,
    #[serde(default)]
    pub dry_run: bool,
    #[serde(default)]
    pub only: Option<String>,
    #[serde(default)]
    pub talk: Talk,
    #[serde(default)]
    pub quiet: bool,
    #[serde(default)]
    pub verbose: bool,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    Envs { exit_code: bool, reconcile: bool },
    Deploy { rev: Option<String> },
    Release { to: Option<String> },
    Rollback { to: Option<String> },
    Sync { cut: bool },
    Cancel {},
}

/// How the answer is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Talk {
    #[default]
    Human,
    Json,
    JsonLines,
}

impl Ask {
    /// The word of the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Envs { .. } => "envs",
            Self::Deploy { .. } => "deploy",
            Self::Release { .. } => "release",
            Self::Rollback { .. } => "rollback",
            Self::Sync { .. } => "sync",
            Self::Cancel {} => "cancel",
        }
    }

    /// Whether it only looks, whatever else is said.
    pub fn only_looks(&self) -> bool {
        matches!(self, Self::Envs { reconcile: false, .. })
    }

    fn revision(&self) -> Option<&str> {
        match self {
            Self::Deploy { rev: name }
            | Self::Release { to: name }
            | Self::Rollback { to: name } => name.as_deref(),
            _ => None,
        }
    }
}

impl Request {
    pub fn new(app: &str, ask: Ask) -> Self {
        Self {
            gsync: VERSION,
            app: app.to_owned(),
            ask,
            dry_run: false,
            only: None,
            talk: Talk::Human,
            quiet: false,
            verbose: false,
        }
    }

    /// As bytes that [`Request::decode`] takes.
    pub fn encode(&self) -> Result<Vec<u8>, Problem> {
        self.check()?;
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        if bytes.len() > LARGEST {
            return Err(Problem::usage("request", "this is too long for a request"));
        }
        Ok(bytes)
    }

    /// Reads a request that somebody pushed. Whatever is not understood is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Version {
            gsync: u32,
        }
        if bytes.len() > LARGEST {
            return Err(malformed(format!("it has more than {LARGEST} bytes")));
        }
        let version: Version =
            serde_json::from_slice(bytes).map_err(|err| malformed(plain(&err.to_string())))?;
        if version.gsync != VERSION {
            let (theirs, ours) = (version.gsync, VERSION);
            let why = format!("it is of version {theirs}, and this server speaks version {ours}");
            return Err(malformed(why).hint("bring gsync up to date here and on the server"));
        }
        let request: Self =
            serde_json::from_slice(bytes).map_err(|err| malformed(plain(&err.to_string())))?;
        request.check().map_err(|problem| malformed(problem.message))?;
        Ok(request)
    }

    fn check(&self) -> Result<(), Problem> {
        if let Some(rev) = self.ask.revision()
            && !is_revision(rev)
        {
            let why = format!("`{}` names no commit", plain(rev));
            return Err(Problem::usage("no-such-revision", why));
        }
        let is_id = |id: &String| id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !self.only.as_ref().is_none_or(is_id) {
            return Err(Problem::usage("usage", "`--only` takes the id of a plan"));
        }
        Ok(())
    }

    /// The command as somebody would type it on the server, for its journal.
    pub fn words(&self) -> String {
        let mut words = format!("gsync {}", self.ask.word());
        match &self.ask {
            Ask::Envs { exit_code, reconcile } => {
                words += if *exit_code { " --exit-code" } else { "" };
                words += if *reconcile { " --reconcile" } else { "" };
            }
            Ask::Deploy { rev: Some(rev) } => words += &format!(" {}", shell_quote(rev)),
            Ask::Release { to: Some(to) } | Ask::Rollback { to: Some(to) } => {
                words += &format!(" --to {}", shell_quote(to));
            }
            Ask::Sync { cut: true } => words += " --cut",
            _ => {}
        }
        words
    }
}

/// A name of a commit in which neither an option nor anything for a terminal hides.
fn is_revision(rev: &str) -> bool {
    (1..=200).contains(&rev.len())
        && !rev.starts_with('-')
        && rev.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/+@~^{}-".contains(&b))
}

fn malformed(why: impl Into<String>) -> Problem {
    Problem::refuse("request", "this request is not understood").because(why)
}

/// The name under which a request travels.
pub fn name(id: &str) -> RefName {
    RefName::new(format!("{BELOW}{id}"))
}

/// The id of a request by its name; nothing: gsync would not write it.
pub fn id(name: &RefName) -> Option<&str> {
    let id = name.as_str().strip_prefix(BELOW)?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (id.len() == 16 && id.bytes().all(hex)).then_some(id)
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// What goes to stdout.
    Result(&'a str),
    /// The server has begun to answer.
    Begun,
    /// It is through, with this exit code.
    End(Exit),
    /// All else that is said.
    Talk(&'a str),
}

/// In front of the lines of the result. The id is new for each request: what a build prints
/// cannot look like an answer.
pub fn mark(id: &str) -> String {
    format!("{id}= ")
}

/// The line that says that the server has begun.
pub fn begun(id: &str) -> String {
    format!("{id}! {{\"gsync\":1,\"begun\":true}}")
}

/// The last line.
pub fn end(id: &str, exit: u8) -> String {
    format!("{id}! {{\"gsync\":1,\"exit\":{exit}}}")
}

/// What a line of an answer is.
pub fn line<'a>(id: &str, text: &'a str) -> Line<'a> {
    #[derive(Deserialize)]
    struct Sign {
        begun: Option<bool>,
        exit: Option<u8>,
    }
    let Some(rest) = text.strip_prefix(id) else { return Line::Talk(text) };
    if let Some(result) = rest.strip_prefix("= ") {
        return Line::Result(result);
    }
    // An empty line of the result has lost its space on the way.
    if rest == "=" {
        return Line::Result("");
    }
    let sign = rest.strip_prefix("! ").and_then(|json| serde_json::from_str::<Sign>(json).ok());
    match sign {
        Some(Sign { exit: Some(code), .. }) => Line::End(Exit::of(code).unwrap_or(Exit::Blind)),
        Some(Sign { begun: Some(true), .. }) => Line::Begun,
        _ => Line::Talk(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef";

    fn all() -> Vec<Ask> {
        vec![
            Ask::Envs { exit_code: true, reconcile: false },
            Ask::Deploy { rev: None },
            Ask::Deploy { rev: Some("v2.4.1^{}".into()) },
            Ask::Release { to: Some("a".repeat(40)) },
            Ask::Rollback { to: None },
            Ask::Sync { cut: true },
            Ask::Cancel {},
        ]
    }

    #[test]
    fn every_request_arrives_as_it_was_sent() {
        for ask in all() {
            let only = Some("970a4ddd".to_owned());
            let sent = Request { only, talk: Talk::Json, ..Request::new("shop", ask) };
            assert_eq!(Request::decode(&sent.encode().unwrap()).unwrap(), sent);
        }
    }

    #[test]
    fn whatever_is_not_understood_is_refused() {
        let good = r#"{"gsync":1,"app":"shop","ask":{"release":{"to":null}}}"#;
        assert!(Request::decode(good.as_bytes()).is_ok());
        for bad in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"gsync":2,"app":"shop","ask":{"cancel":{}},"new":1}"#,
            r#"{"gsync":1,"app":"shop"}"#,
            r#"{"gsync":1,"app":"shop","ask":{"release":{"to":null}},"sudo":true}"#,
            r#"{"gsync":1,"app":"shop","ask":{"release":{"to":null,"force":true}}}"#,
            r#"{"gsync":1,"app":"shop","ask":{"run":{"line":"rm -rf /"}}}"#,
            r#"{"gsync":1,"app":"shop","ask":{"deploy":{"rev":"--upload-pack=x"}}}"#,
            r#"{"gsync":1,"app":"shop","ask":{"deploy":{"rev":""}}}"#,
            r#"{"gsync":1,"app":"shop","ask":{"deploy":{"rev":"a b"}}}"#,
            r#"{"gsync":1,"app":"shop","ask":{"deploy":{"rev":"a\u001b[2J"}}}"#,
            r#"{"gsync":1,"app":"shop","ask":{"cancel":{}},"only":"; id"}"#,
            &format!("{good}{}", " ".repeat(LARGEST)),
        ] {
            let problem = Request::decode(bad.as_bytes()).unwrap_err();
            assert_eq!((problem.exit, problem.code), (Exit::Refused, "request"), "{bad}");
        }
    }

    #[test]
    fn a_request_of_another_version_says_so_before_anything_else() {
        let new = r#"{"gsync":2,"app":"shop","ask":{"dance":{}}}"#;
        let problem = Request::decode(new.as_bytes()).unwrap_err();
        assert!(problem.because[0].contains("version 2"), "{problem:?}");
    }

    #[test]
    fn an_answer_is_told_from_talk_and_nobody_else_can_sign_it() {
        let marked = format!("{}  LIVE blue", mark(ID));
        assert_eq!(line(ID, &marked), Line::Result("  LIVE blue"));
        assert_eq!(line(ID, &begun(ID)), Line::Begun);
        assert_eq!(line(ID, &end(ID, 3)), Line::End(Exit::PutBack));
        assert_eq!(line(ID, &end(ID, 99)), Line::End(Exit::Blind));
        for other in ["error: x", "= x", &end("fedcba9876543210", 0), &format!("{ID}! nonsense")] {
            assert_eq!(line(ID, other), Line::Talk(other));
        }
    }

    #[test]
    fn only_names_that_gsync_writes_are_names_of_requests() {
        assert_eq!(id(&name(ID)), Some(ID));
        for bad in ["", "x", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "../../x"]
        {
            assert_eq!(id(&name(bad)), None, "{bad}");
        }
        assert_eq!(id(&RefName::new("refs/heads/0123456789abcdef")), None);
    }
}
