//! The steps that bring services up to date, in order, and where to go on after a failure.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::affected::{Concerned, Reason, all, concerned, named};
use super::facts::{Base, Facts};
use super::matchers::own;
use super::state::{Key, State};
use crate::base::{Problem, Span, count, plain};
use crate::config::{Config, Service, ServiceStep};
use crate::plan::{Drive, Plan, Remedy, Step, Task};

/// How long a step may take if it does not say.
const PATIENCE: Span = Span::seconds(600);

/// Where things are.
#[derive(Debug, Clone)]
pub struct Places {
    /// The top of the work tree.
    pub work_dir: PathBuf,
    /// gsync's folder in the git directory.
    pub gsync_dir: PathBuf,
}

/// Which services a plain `gsync up` or `gsync services` is about.
pub fn wanted(config: &Config, facts: &Facts) -> Result<Vec<Concerned>, Problem> {
    let touched = touched(config, facts)?;
    let left: Vec<&String> = match facts.base {
        Base::Since(_) => Vec::new(),
        _ => facts.state.left.iter().collect(),
    };
    let is_wanted =
        |name: &String| left.contains(&name) || touched.iter().any(|one| one.service == *name);
    let names: Vec<String> =
        config.service.iter().map(|it| it.name.clone()).filter(is_wanted).collect();
    // Once more by name, so that the order is right for all of them together.
    let mut all = named(config, &names, &Reason::Unfinished)?;
    for one in &mut all {
        if let Some(known) = touched.iter().find(|it| it.service == one.service) {
            one.because.clone_from(&known.because);
            one.reasons = known.reasons;
            if left.contains(&&one.service) {
                one.because.push(Reason::Unfinished);
                one.reasons += 1;
            }
        }
    }
    Ok(all)
}

/// The services whose sources changed since they were brought up, each since its own time.
fn touched(config: &Config, facts: &Facts) -> Result<Vec<Concerned>, Problem> {
    let mut touched = match facts.base {
        Base::Nothing => all(config, &Reason::Unknown)?,
        _ => concerned(config, &facts.changed)?,
    };
    for (name, paths) in &facts.own {
        touched.retain(|one| one.service != *name);
        let own = concerned(config, paths)?;
        touched.extend(own.into_iter().filter(|one| one.service == *name));
    }
    Ok(touched)
}

/// The steps for these services. Steps that were done before a failure and whose service did
/// not change since are passed by, unless services were named.
pub fn plan(
    config: &Config,
    facts: &Facts,
    names: &[String],
    places: &Places,
) -> Result<Plan, Problem> {
    check(config)?;
    let services = match names.is_empty() {
        true => wanted(config, facts)?,
        false => named(config, names, &Reason::Named)?,
    };
    let resumes = names.is_empty() && !matches!(facts.base, Base::Since(_) | Base::Nothing);
    let touched: Vec<String> = touched(config, facts)?.into_iter().map(|it| it.service).collect();
    let mut tasks = Vec::new();
    for one in &services {
        for service in config.service.iter().filter(|service| service.name == one.service) {
            for step in &service.steps {
                tasks.push(task(config, service, step, places)?);
            }
        }
    }
    let of = tasks.len();
    let mut steps = Vec::new();
    let mut passed = Vec::new();
    for (at, mut task) in tasks.into_iter().enumerate() {
        task.number = at + 1;
        task.of = of;
        // Only what stands before the first step that runs: what follows it builds on it.
        let may_pass = resumes && steps.is_empty() && !touched.contains(&task.service);
        if may_pass && is_done(&facts.state, &task) {
            passed.push(format!("{}: {}", task.service, task.name));
            continue;
        }
        task.first = steps.is_empty();
        steps.push(Step::Run(Box::new(task)));
    }
    let who: Vec<String> = services.iter().map(|it| plain(&it.service)).collect();
    let title = match services.is_empty() {
        true => "bring up services".to_owned(),
        false => format!("bring up {}", who.join(", ")),
    };
    let mut plan = Plan::new(title).then_all(steps);
    if services.is_empty() {
        plan = plan.note(match config.service.is_empty() {
            true => "there are none: `.gsync.toml` has no [[service]]",
            false => "the change concerns no service",
        });
    } else if of == 0 {
        plan = plan.note("they have no steps");
    }
    if let (true, Some(failed)) = (resumes, &facts.state.failed)
        && let Some(Step::Run(first)) = plan.steps.first()
        && (&first.service, &first.name) == (&failed.service, &failed.step)
    {
        let done = match passed.len() {
            0 => String::new(),
            n => format!("; done before: {}", count(n, "step")),
        };
        let (service, step) = (plain(&failed.service), plain(&failed.step));
        plan = plan.note(format!("goes on where it failed, with {service}: {step}{done}"));
    }
    for one in &services {
        if let Some(reason) = one.because.first() {
            let more = match one.reasons {
                0 | 1 => String::new(),
                n => format!(", and {} more", n - 1),
            };
            plan = plan.note(format!("{}: because {reason}{more}", plain(&one.service)));
        }
    }
    Ok(plan)
}

fn is_done(state: &State, task: &Task) -> bool {
    state.left.contains(&task.service) && state.done.contains(&key(task))
}

/// What names a step between runs.
pub fn key(task: &Task) -> Key {
    let does = (&task.drive, &task.dir, &task.error, &task.success, &task.ok_exit, &task.fix);
    let text = serde_json::to_vec(&does).unwrap_or_default();
    let hash = Sha256::digest(text);
    Key {
        service: task.service.clone(),
        step: task.name.clone(),
        task: crate::base::hex(&hash[..4]),
    }
}

/// Where the logs of failures go.
pub fn logs(config: &Config, places: &Places) -> PathBuf {
    match &config.log.dir {
        Some(dir) => places.work_dir.join(dir),
        None => places.gsync_dir.join("logs"),
    }
}

fn task(
    config: &Config,
    service: &Service,
    step: &ServiceStep,
    places: &Places,
) -> Result<Task, Problem> {
    let drive = drive(service, step)?;
    let timeout = match &step.timeout {
        Some(text) => Span::parse(text).map_err(|why| bad(service, &step.name, &why))?,
        None => PATIENCE,
    };
    let inside = |dir: Option<&String>| match dir {
        Some(dir) => places.work_dir.join(dir),
        None => places.work_dir.clone(),
    };
    let fix = service.fix.iter().map(|fix| Remedy {
        when: fix.when.clone(),
        run: fix.run.clone(),
        dir: inside(fix.dir.as_ref()),
    });
    Ok(Task {
        service: service.name.clone(),
        name: match step.name.is_empty() {
            true => "step".to_owned(),
            false => step.name.clone(),
        },
        number: 0,
        of: 0,
        first: false,
        drive,
        dir: inside(step.dir.as_ref()),
        error: step.error.clone(),
        success: step.success.clone(),
        ok_exit: step.ok_exit.clone(),
        fallback_ok: step.fallback_ok,
        timeout_ms: u64::try_from(timeout.0.as_millis()).unwrap_or(u64::MAX),
        fix: fix.collect(),
        logs: logs(config, places),
        stays: true,
        clean: None,
    })
}

fn drive(service: &Service, step: &ServiceStep) -> Result<Drive, Problem> {
    let known = [
        step.run.clone().map(Drive::Run),
        step.tilt.clone().map(Drive::Tilt),
        step.pm2.clone().map(Drive::Pm2),
        step.systemd.clone().map(Drive::Systemd),
        step.http.clone().map(Drive::Http),
    ];
    let mut said = known.into_iter().flatten();
    match (said.next(), said.next()) {
        (Some(drive), None) => Ok(drive),
        _ => Err(bad(
            service,
            &step.name,
            "it needs exactly one of `run`, `tilt`, `pm2`, `systemd`, `http`",
        )),
    }
}

/// Mistakes in what is configured for services, all of them before the first step runs.
pub fn check(config: &Config) -> Result<(), Problem> {
    super::affected::order(&config.service)?;
    let nowhere = Places { work_dir: PathBuf::new(), gsync_dir: PathBuf::new() };
    for service in &config.service {
        for step in &service.steps {
            task(config, service, step, &nowhere)?;
            for patterns in [&step.error, &step.success] {
                own(patterns).map_err(|why| bad(service, &step.name, &why))?;
            }
            if step.dir.as_deref().is_some_and(|dir| !is_inside(dir)) {
                return Err(bad(service, &step.name, "`dir` must be inside the repository"));
            }
        }
        for fix in &service.fix {
            own(std::slice::from_ref(&fix.when)).map_err(|why| bad(service, "fix", &why))?;
        }
    }
    Ok(())
}

fn is_inside(dir: &str) -> bool {
    use std::path::Component::{CurDir, Normal};
    Path::new(dir).components().all(|part| matches!(part, Normal(_) | CurDir))
}

fn bad(service: &Service, step: &str, why: &str) -> Problem {
    let place = format!("{}: the service {}", crate::config::FILE, plain(&service.name));
    Problem::usage("config", format!("{place}, step {}: {why}", plain(step)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CommitId, RepoPath};
    use crate::pipeline::state::Failed;

    const TWO: &str = r#"
        [[service]]
        name = "server"
        paths = ["server/**", "types/**"]
        steps = [{ name = "build", run = "make" }, { name = "restart", tilt = "server" }]
        [[service]]
        name = "ui"
        paths = ["ui/**", "types/**"]
        after = ["server"]
        steps = [{ name = "build", run = "npm run build", dir = "ui", timeout = "5m" }]
    "#;

    fn config(text: &str) -> Config {
        crate::config::parse("test", text.as_bytes()).unwrap()
    }

    fn places() -> Places {
        Places { work_dir: "/w".into(), gsync_dir: "/w/.git/gsync".into() }
    }

    fn facts(changed: &[&str], state: State) -> Facts {
        let base = Base::LastUp(CommitId::new("a1b2c3d"));
        let changed = changed.iter().map(|path| RepoPath::from(*path)).collect();
        Facts {
            base,
            changed,
            own: std::collections::BTreeMap::new(),
            now: crate::pipeline::state::Seen::default(),
            state,
        }
    }

    fn said(plan: &Plan) -> Vec<String> {
        plan.steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_steps_of_the_concerned_services_follow_in_order() {
        let facts = facts(&["types/a"], State::default());
        let plan = plan(&config(TWO), &facts, &[], &places()).unwrap();
        assert_eq!(
            said(&plan),
            [
                "make  # 1 of 3, server: build",
                "tilt trigger server  # 2 of 3, server: restart",
                "npm run build  # 3 of 3, ui: build",
            ]
        );
    }

    /// After a run whose second step failed.
    fn after_failure() -> State {
        let all = facts(&["types/a"], State::default());
        let plan = plan(&config(TWO), &all, &[], &places()).unwrap();
        let Step::Run(build) = &plan.steps[0] else { panic!() };
        State {
            done: vec![key(build)],
            left: vec!["server".into(), "ui".into()],
            failed: None::<Failed>,
            ..State::default()
        }
    }

    #[test]
    fn it_goes_on_with_the_step_that_failed_if_nothing_changed_before_it() {
        let config = config(TWO);
        let untouched = plan(&config, &facts(&[], after_failure()), &[], &places()).unwrap();
        assert_eq!(said(&untouched)[0], "tilt trigger server  # 2 of 3, server: restart");
        let mended = plan(&config, &facts(&["server/a"], after_failure()), &[], &places()).unwrap();
        assert_eq!(said(&mended).len(), 3, "its sources changed: from its first step");
        let other = plan(&config, &facts(&["ui/a"], after_failure()), &[], &places()).unwrap();
        assert_eq!(said(&other).len(), 2);
        let one = ["server".to_owned()];
        let all = plan(&config, &facts(&[], after_failure()), &one, &places()).unwrap();
        assert_eq!(said(&all).len(), 2, "who names a service means all its steps");
    }

    #[test]
    fn a_step_that_follows_one_that_runs_again_runs_again() {
        let config = config(TWO);
        let whole = plan(&config, &facts(&["types/a"], State::default()), &[], &places()).unwrap();
        let Step::Run(restart) = &whole.steps[1] else { panic!() };
        let state = State { done: vec![key(restart)], ..after_failure() };
        let again = plan(&config, &facts(&[], state), &[], &places()).unwrap();
        assert_eq!(said(&again).len(), 3);
    }

    #[test]
    fn a_step_that_was_edited_is_not_done() {
        let edited = config(&TWO.replace("\"make\"", "\"make -j2\""));
        let plan = plan(&edited, &facts(&[], after_failure()), &[], &places()).unwrap();
        assert_eq!(said(&plan).len(), 3);
    }

    #[test]
    fn a_step_with_no_driver_or_two_a_bad_pattern_and_a_bad_time_are_usage_errors() {
        let step = |step: &str| {
            let text = format!("[[service]]\nname = \"s\"\nsteps = [{{ name = \"b\", {step} }}]\n");
            check(&config(&text)).map_err(|problem| problem.message)
        };
        assert_eq!(step("run = \"make\""), Ok(()));
        for bad in [
            "dir = \"x\"",
            "run = \"a\", tilt = \"b\"",
            "run = \"a\", error = [\"(\"]",
            "run = \"a\", timeout = \"soon\"",
            "run = \"a\", dir = \"../x\"",
        ] {
            let why = step(bad).unwrap_err();
            assert!(why.starts_with(".gsync.toml: the service s, step b: "), "{bad}: {why}");
        }
    }

    #[test]
    fn the_same_facts_make_the_same_plan() {
        let facts = facts(&["types/a"], State::default());
        let once = plan(&config(TWO), &facts, &[], &places()).unwrap();
        assert_eq!(once.id(), plan(&config(TWO), &facts, &[], &places()).unwrap().id());
    }
}
