//! One gsync at a time in a repository. The kernel holds the lock, so the dead let go of it
//! by dying; the file says who holds it, for whoever has to wait.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::io::FdFlags;
use serde::{Deserialize, Serialize};

use crate::base::{Exit, Problem, Time, shell_quote};
use crate::host::clock;

/// The file of the lock that this process holds in a repository.
static HELD: Mutex<Weak<File>> = Mutex::new(Weak::new());

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _file: Arc<File>,
}

/// While this runs, the programs that it starts hold the lock too. If we are killed, the git that
/// is still writing files keeps the next gsync out until it has ended. Nothing that lives on
/// may be started in here.
pub(super) fn lend<T>(work: impl FnOnce() -> T) -> T {
    let held = HELD.lock().ok().and_then(|held| held.upgrade());
    let inherit = |flags| {
        if let Some(file) = &held {
            // Without it the lock is only as good as before.
            let _ = rustix::io::fcntl_setfd(file, flags);
        }
    };
    inherit(FdFlags::empty());
    let done = work();
    inherit(FdFlags::CLOEXEC);
    done
}

#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    command: String,
    since: Time,
}

impl Lock {
    /// Takes the lock, waiting at most so long. `dir` is gsync's folder in the common git
    /// directory, or an app's.
    pub fn take(dir: &Path, command: &str, wait: Duration) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|err| not_writable(dir, &err))?;
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|err| not_writable(dir, &err))?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if waited < wait => {
                    std::thread::sleep(Duration::from_millis(20));
                    waited += Duration::from_millis(20);
                }
                Err(TryLockError::WouldBlock) => return Err(busy(&mut file).into()),
                Err(TryLockError::Error(err)) => {
                    return Err(err).with_context(|| format!("lock {}", path.display()));
                }
            }
        }
        let holder =
            Holder { pid: std::process::id(), command: command.to_owned(), since: clock::now() };
        let text = serde_json::to_string(&holder)?;
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(|err| not_writable(dir, &err))?;
        let file = Arc::new(file);
        if let Ok(mut held) = HELD.lock() {
            *held = Arc::downgrade(&file);
        }
        Ok(Self { _file: file })
    }
}

impl Lock {
    /// Who holds the lock, in words; nothing: nobody does.
    pub fn holder(dir: &Path) -> Result<Option<String>> {
        Ok(held_by(dir)?.map(|it| {
            format!("process {} runs `{}` since {}", it.pid, it.command, it.since.rfc3339())
        }))
    }

    /// The process that holds the lock.
    pub fn holder_pid(dir: &Path) -> Result<Option<u32>> {
        Ok(held_by(dir)?.map(|holder| holder.pid).filter(|pid| *pid > 1))
    }
}

/// Who holds the lock; who just took it may not have written down yet who it is.
fn held_by(dir: &Path) -> Result<Option<Holder>> {
    let path = dir.join("lock");
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(err).with_context(|| format!("open {}", path.display())),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            let unknown = Holder { pid: 0, command: "gsync".into(), since: clock::now() };
            Ok(Some(serde_json::from_str(&text).unwrap_or(unknown)))
        }
        Err(TryLockError::Error(err)) => {
            Err(err).with_context(|| format!("lock {}", path.display()))
        }
    }
}

fn not_writable(dir: &Path, err: &std::io::Error) -> Problem {
    let place = dir.display().to_string();
    Problem::refuse("not-writable", format!("gsync cannot write in {place}"))
        .because(err.to_string())
        .because("nothing was changed: without a journal there is no way back")
        .hint(format!("look at it: `ls -ld {}`", shell_quote(&place)))
}

fn busy(file: &mut File) -> Problem {
    let mut text = String::new();
    let _ = file.seek(SeekFrom::Start(0));
    let _ = file.read_to_string(&mut text);
    let problem = Problem::new(Exit::Busy, "busy", "another gsync is at work here");
    match serde_json::from_str::<Holder>(&text) {
        Ok(holder) => problem.because(format!(
            "process {} runs `{}` since {} ({})",
            holder.pid,
            holder.command,
            holder.since.rfc3339(),
            holder.since.ago(clock::now())
        )),
        Err(_) => problem,
    }
    .hint("wait for it and try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_the_lock_and_gets_it_when_it_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), "gsync start", Duration::ZERO).unwrap();
        let err = Lock::take(dir.path(), "gsync pull", Duration::from_millis(30)).unwrap_err();
        let problem = err.downcast_ref::<Problem>().unwrap();
        assert_eq!(problem.exit, Exit::Busy);
        assert!(problem.because[0].contains("runs `gsync start`"), "{problem:?}");
        drop(first);
        Lock::take(dir.path(), "gsync pull", Duration::ZERO).unwrap();
    }
}
