//! The refs, settings and objects that the judge may trust, read in process where gix can be
//! asked and through git where it cannot.

use anyhow::{Context, Result};
use gix::ObjectId;

use crate::base::{CommitId, RefName};
use crate::git::{Git, Objects, refs_in};
use crate::host::{env, read};

/// A repository to read from.
pub(super) struct World<'a> {
    pub git: &'a Git,
    library: Option<gix::Repository>,
}

impl<'a> World<'a> {
    pub(super) fn open(git: &'a Git) -> Self {
        Self { git, library: git.library() }
    }

    /// Whether whoever reads the hints stands below the top of the work tree: git starts its
    /// hooks at the top and says where it was called.
    pub(super) fn below_top(&self) -> bool {
        let called_below = env::raw("GIT_PREFIX").is_some();
        let here = std::env::current_dir().and_then(|dir| dir.canonicalize()).ok();
        let top = self.git.work_dir.as_ref().and_then(|dir| dir.canonicalize().ok());
        called_below || (top.is_some() && here != top)
    }

    /// The kind of the ids of this repository.
    pub(super) fn hash(&self) -> Result<gix::hash::Kind> {
        if let Some(library) = &self.library {
            return Ok(library.object_hash());
        }
        match self.git.must(&["rev-parse", "--show-object-format"])?.as_str() {
            "sha1" => Ok(gix::hash::Kind::Sha1),
            "sha256" => Ok(gix::hash::Kind::Sha256),
            other => anyhow::bail!("ids of the kind {other} are not known"),
        }
    }

    pub(super) fn objects(&self) -> Result<Objects> {
        Objects::open(self.git, self.hash()?)
    }

    /// A setting; the last value counts.
    pub(super) fn config(&self, key: &str) -> Result<Option<String>> {
        match &self.library {
            Some(library) => Ok(library.config_snapshot().string(key).map(|v| v.to_string())),
            None => self.git.config(key),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool> {
        match &self.library {
            Some(library) => Ok(library.config_snapshot().boolean(key).unwrap_or(false)),
            None => {
                let said = self.git.ask(&["config", "--type=bool", "--get", key])?;
                Ok(said.as_deref() == Some("true"))
            }
        }
    }

    /// Whether objects may be missing here because another repository promised them.
    pub(super) fn promised(&self) -> Result<bool> {
        if self.config("extensions.partialClone")?.is_some() {
            return Ok(true);
        }
        let found = match &self.library {
            Some(library) => {
                let config = library.config_snapshot();
                let remotes = config.plumbing().sections_by_name("remote");
                return Ok(remotes.into_iter().flatten().any(|s| s.value("promisor").is_some()));
            }
            None => self.git.ask(&["config", "--get-regexp", r"^remote\..*\.promisor$"])?,
        };
        Ok(found.is_some())
    }

    /// Where a ref stands, unpeeled.
    pub(super) fn resolve(&self, name: &RefName) -> Result<Option<ObjectId>> {
        let Some(library) = &self.library else {
            return Ok(self.git.resolve_ref(name)?.as_ref().and_then(oid));
        };
        let found = library.try_find_reference(name.as_str()).context("read a ref")?;
        let Some(mut found) = found else { return Ok(None) };
        Ok(found.follow_to_object().ok().map(gix::Id::detach))
    }

    /// Where the refs below a prefix stand.
    pub(super) fn tips(&self, prefix: &str) -> Result<Vec<ObjectId>> {
        let refs = match &self.library {
            Some(library) => refs_in(library, prefix)?,
            None => self.git.refs(prefix)?,
        };
        Ok(refs.iter().filter_map(|(_, id)| oid(id)).collect())
    }

    /// The branch that HEAD names, born or not; nothing if it is detached.
    pub(super) fn head_ref(&self) -> Result<Option<RefName>> {
        match &self.library {
            Some(library) => {
                let name = library.head_name().context("read HEAD")?;
                Ok(name.map(|name| RefName::new(name.as_bstr().to_string())))
            }
            None => Ok(self.git.ask(&["symbolic-ref", "--quiet", "HEAD"])?.map(RefName::new)),
        }
    }

    /// The commit of HEAD, if there is one.
    pub(super) fn head(&self) -> Result<Option<ObjectId>> {
        self.resolve(&RefName::new("HEAD"))
    }

    /// The commits that are being merged, if a merge is under way.
    pub(super) fn merge_heads(&self) -> Result<Vec<ObjectId>> {
        let text = read::text(&self.git.git_dir.join("MERGE_HEAD"))?.unwrap_or_default();
        Ok(text.lines().filter_map(|line| ObjectId::from_hex(line.as_bytes()).ok()).collect())
    }

    /// The name of a remote that git gave as a name or as an address.
    pub(super) fn remote_name(&self, remote: &str, url: &str) -> Result<Option<String>> {
        if self.config(&format!("remote.{remote}.url"))?.is_some() {
            return Ok(Some(remote.to_owned()));
        }
        let out = self.git.ask(&["config", "--get-regexp", r"^remote\..*\.(push)?url$"])?;
        Ok(out.unwrap_or_default().lines().find_map(|line| {
            let (key, value) = line.split_once(' ')?;
            let name = key.strip_prefix("remote.")?.rsplit_once('.')?.0;
            (value == remote || value == url).then(|| name.to_owned())
        }))
    }
}

/// The id in the form that walks use.
pub(super) fn oid(id: &CommitId) -> Option<ObjectId> {
    ObjectId::from_hex(id.as_str().as_bytes()).ok()
}

/// The id in the form that people and programs get.
pub(super) fn hex(id: &ObjectId) -> CommitId {
    CommitId::new(id.to_string())
}
