//! A clone whose role is in production: what `start` and `pull` must not pull under the feet
//! of running processes, and which of them run the old code afterwards.

use anyhow::Result;

use super::Context;
use super::settings::Valid;
use crate::base::{Problem, RepoPath, plain};
use crate::config::Config;
use crate::sync::production::{self, ProductionFacts};
use crate::sync::pull::facts::{Facts, Upstream};

/// What was so before the pull; nothing to say where the role is not in production.
pub struct InProduction {
    facts: Option<ProductionFacts>,
    allow_critical: bool,
}

impl InProduction {
    pub fn observe(context: &Context, valid: &Valid, allow_critical: bool) -> Result<Self> {
        let config = &valid.config;
        // Without any settings that made sense nobody knows what is critical here.
        let lost = valid.broken.as_ref().filter(|broken| broken.leaves_nothing());
        if let Some(broken) = lost.filter(|_| !allow_critical)
            && let Some(role) = context.git.config("gsync.role")?
        {
            let why = format!("whether the role {} is in production is not known", plain(&role));
            return Err(Problem::usage("config", why)
                .because(broken.why())
                .hint(format!("put {} right", crate::config::FILE))
                .hint("pull whatever it touches: `--allow-critical`")
                .into());
        }
        let facts = production::facts::observe(&context.git, config)?;
        Ok(Self { facts, allow_critical })
    }

    /// Refuses what comes in if it is critical and processes run.
    pub fn allows(&self, context: &Context, facts: &Facts) -> Result<()> {
        let Some(production) = &self.facts else { return Ok(()) };
        let paths = incoming(context, facts)?;
        Ok(production::refuse(production, &paths, self.allow_critical)?)
    }

    /// Says after the pull which processes still run the old code.
    pub fn what_is_old(&self, context: &Context, config: &Config) -> Result<()> {
        let Some(before) = &self.facts else { return Ok(()) };
        let Some(now) = production::facts::observe(&context.git, config)? else { return Ok(()) };
        for old in production::still_old(&before.running, &now.running) {
            let name = plain(&old.name);
            context.ui.warn(&format!("{name} (process {}) still runs the old code", old.pid));
        }
        Ok(())
    }
}

/// The paths that the incoming commits touch, since the commit that both sides have.
fn incoming(context: &Context, facts: &Facts) -> Result<Vec<RepoPath>> {
    let (Upstream::At { commit, .. }, Some(head)) = (&facts.upstream, &facts.head) else {
        return Ok(Vec::new());
    };
    if facts.incoming.is_empty() || !facts.related {
        return Ok(Vec::new());
    }
    // Both names of a renamed file count, so renames are not looked for.
    let range = format!("{head}...{commit}");
    let args = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", &range, "--"];
    let out = context.git.must_bytes(&args)?;
    let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(RepoPath::new).collect())
}
