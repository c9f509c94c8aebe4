//! The judge of logs against whole logs with a known truth. `GSYNC_CORPUS` names a directory
//! with a `labels.tsv` (name, tool, exit status, truth) and the logs below it; without it the
//! small set of `tests/corpus` is read. What the first error of a log is stands in a column of
//! the labels, or, for logs by these names, in `data/first_errors.tsv`: read by a person in the
//! logs, where one says what went wrong. A bar stands between lines that are right as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gsync::pipeline::judge::Judge;
use gsync::pipeline::matchers::Matchers;
use gsync::pipeline::reader::Reader;
use gsync::pipeline::verdict::{Asked, Ended, Verdict};

struct Case {
    name: String,
    tool: String,
    exit: String,
    failed: bool,
    log: PathBuf,
    /// The line that is the first error, where the labels say so.
    error: Option<String>,
}

fn corpus() -> (PathBuf, Vec<Case>) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let dir = std::env::var_os("GSYNC_CORPUS").map_or(own, PathBuf::from);
    let labels = fs::read_to_string(dir.join("labels.tsv")).unwrap();
    let mut logs = BTreeMap::new();
    for entry in walkdir::WalkDir::new(&dir) {
        let path = entry.unwrap().into_path();
        if path.extension().is_some_and(|extension| extension == "log") {
            logs.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), path);
        }
    }
    let mut lines = labels.lines();
    let head: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| head.iter().position(|head| *head == name);
    let (name, tool) = (column("name").unwrap(), column("tool").unwrap());
    let (exit, truth) = (column("exit_code").unwrap(), column("truth").unwrap());
    let error = column("error");
    let own: BTreeMap<&str, &str> = include_str!("data/first_errors.tsv")
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .collect();
    let cases = lines.filter(|line| !line.is_empty()).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        Case {
            name: cells[name].to_owned(),
            tool: cells[tool].to_owned(),
            exit: cells[exit].to_owned(),
            failed: cells[truth] == "failed",
            log: logs[cells[name]].clone(),
            error: error
                .and_then(|at| cells.get(at))
                .filter(|it| !it.is_empty())
                .or_else(|| own.get(cells[name]))
                .map(|it| (*it).to_owned()),
        }
    });
    (dir, cases.collect())
}

fn judge(matchers: &Arc<Matchers>, case: &Case, piece: usize) -> Verdict {
    let asked = Asked { command: &case.tool, ..Asked::default() };
    let mut judge = Judge::new(Arc::clone(matchers), &asked).unwrap();
    let mut reader = Reader::default();
    for piece in fs::read(&case.log).unwrap().chunks(piece) {
        reader.push(piece, &mut |block| judge.block(block));
    }
    reader.end(&mut |block| judge.block(block));
    judge.finish(&match case.exit.as_str() {
        "running" => Ended::Running,
        exit => match exit.parse::<i32>().unwrap() {
            signal if signal < 0 => Ended::Signal(-signal),
            code => Ended::Exit(code),
        },
    })
}

#[test]
fn no_failed_log_passes_and_nearly_every_good_one_does() {
    let (dir, cases) = corpus();
    let matchers = Arc::new(Matchers::new(None).unwrap());
    // [truth failed][judged failed]
    let mut table = [[0_u32; 2]; 2];
    let mut wrong = Vec::new();
    let mut shown = Vec::new();
    let (mut right_lines, mut known_lines) = (0, 0);
    for case in &cases {
        let verdict = judge(&matchers, case, 1 << 16);
        assert_eq!(judge(&matchers, case, 7), verdict, "{}: the cut matters", case.name);
        table[usize::from(case.failed)][usize::from(!verdict.ok())] += 1;
        let text = verdict.first.as_ref().map_or("", |first| first.text.as_str());
        if verdict.ok() == case.failed {
            wrong.push(format!("{}: {}: {text}", case.name, verdict.reason()));
        }
        if case.failed {
            shown.push(format!(
                "{:44} {:4} {text}",
                case.name,
                verdict.first.as_ref().map_or(0, |it| it.line)
            ));
        }
        if let Some(error) = &case.error {
            known_lines += 1;
            let right = error.split('|').any(|line| text.contains(line));
            right_lines += u32::from(right);
            if !right {
                wrong.push(format!("{}: not the first error: {text}", case.name));
            }
            assert!(right || std::env::var_os("GSYNC_CORPUS").is_some(), "{}: {text}", case.name);
        }
    }
    let [[good, false_failures], [false_successes, failed]] = table;
    println!("{}: {} logs", dir.display(), cases.len());
    println!("                judged good  judged failed");
    println!("truly good      {good:11}  {false_failures:13}");
    println!("truly failed    {false_successes:11}  {failed:13}");
    println!("first error line known for {known_lines}, right for {right_lines}");
    for line in &wrong {
        println!("wrong: {line}");
    }
    for line in &shown {
        println!("  {line}");
    }
    assert_eq!(false_successes, 0, "{wrong:#?}");
    let share = f64::from(false_failures) / f64::from((good + false_failures).max(1));
    assert!(share <= 0.04, "{:.1} % of the good logs fail: {wrong:#?}", share * 100.0);
    let enough = f64::from(right_lines) >= 0.95 * f64::from(known_lines);
    assert!(enough, "{right_lines} of {known_lines} are right: {wrong:#?}");
}
