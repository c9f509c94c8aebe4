//! What a handoff file says is read, changed and written, or an error names the line.

use super::*;

const GOOD: &str = "---\ngsync: 1\nid: H-0007\nstatus: sent              # draft | sent\n\
    # a remark\nfrom: qc@laptop\nto: builder\ndate: 2025-11-18\n\
    base: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\
    head: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\nbranch: main\nrisk: watch\n\
    tests: [{ run: \"make test\", exit: 0, at: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, time: 2025-11-18T10:00:00Z }]\n\
    migrations: [db/migrations/0007_add_y.sql]\nenv_added: [STRIPE_KEY]\n\
    rollback: { commit: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, reversible: false, why: migration }\n\
    later: [of, a, newer, gsync]\n---\n# Text\n---\nmore\n";

fn read(text: &str) -> Result<Handoff, Problem> {
    Document::parse("handoffs/x.md", text.as_bytes())?.handoff()
}

#[test]
fn the_front_matter_of_the_contract_is_read() {
    let handoff = read(GOOD).unwrap();
    assert_eq!((handoff.id.as_str(), handoff.status), ("H-0007", State::Sent));
    assert_eq!(handoff.to.as_deref(), Some("builder"));
    assert_eq!(handoff.tests[0].run, "make test");
    assert_eq!(handoff.env_added, ["STRIPE_KEY"]);
    assert!(!handoff.rollback.unwrap().reversible);
    assert_eq!(handoff.date.unwrap().rfc3339(), "2025-11-18T00:00:00Z");
}

#[test]
fn a_change_of_state_leaves_every_other_byte_alone() {
    let mut document = Document::parse("x", GOOD.as_bytes()).unwrap();
    assert_eq!(document.write(), GOOD);
    document.set("status", Value::text("acked"));
    document.set("acked", Value::Map(vec![("by".into(), Value::text("b@h"))]));
    let expect = GOOD
        .replace("status: sent              # draft | sent", "status: acked")
        .replace("gsync]\n---", "gsync]\nacked: { by: \"b@h\" }\n---");
    assert_eq!(document.write().replace("by: b@h", "by: \"b@h\""), expect);
    let again = Document::parse("x", document.write().as_bytes()).unwrap().handoff().unwrap();
    assert_eq!(again.answers[0].1, [("by".to_owned(), "b@h".to_owned())]);
    let windows = GOOD.replace('\n', "\r\n");
    assert_eq!(Document::parse("x", windows.as_bytes()).unwrap().handoff().unwrap().id, "H-0007");
}

#[test]
fn nonsense_names_the_file_the_line_and_what_to_do() {
    let swap = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    for (text, place) in [
        (String::new(), ":1: a handoff begins"),
        ("# Handoff\n".into(), ":1: a handoff begins"),
        ("---\nid: x\n".into(), ":2: the front matter does not end"),
        (swap("gsync: 1", "gsync: 2"), ":2: `gsync` is of a version"),
        (swap("gsync: 1\n", ""), ":1: `gsync` is missing"),
        (swap("id: H-0007", "id: ../../etc"), ":3: `id` is not like"),
        (swap("status: sent ", "status: open "), ":4: `status` is not one of draft, sent"),
        (swap("to: builder", "to: ../x"), ":7: `to` is no role"),
        (swap("to: builder\n", ""), ":1: `to` is missing"),
        (swap("2025-11-18\n", "yesterday\n"), ":8: `date` is not a day"),
        (swap("head: bbbb", "head: xbbb"), ":10: `head` is not a full commit id"),
        (swap("risk: watch", "risk: watch\nrisk: watch"), ":13: `risk` stands there twice"),
        (swap("[{ run", "[{ walk"), ":13: `tests` is not a list of"),
        (swap("[STRIPE_KEY]", "STRIPE_KEY"), ":15: `env_added` is not a list"),
        (swap("[STRIPE_KEY]", "[STRIPE_KEY"), ":15: env_added: a list is not closed"),
        (swap("from: qc", "from:qc"), ":6: a space is missing"),
        (swap("from: qc@laptop", "from qc"), ":6: a line of the front matter"),
        (swap("risk: watch", "risk:\n  - watch"), ":13: a value stands on the line"),
        (swap("reversible: false", "reversible: perhaps"), ":16: `rollback` is not"),
    ] {
        let problem = read(&text).unwrap_err();
        assert!(problem.message.starts_with(&format!("handoffs/x.md{place}")), "{problem:?}");
        assert_eq!(problem.exit, crate::base::Exit::Usage);
        assert!(!problem.hints.is_empty() && problem.hints.len() <= 3, "{problem:?}");
    }
    let bad = [GOOD.as_bytes(), b"\xff"].concat();
    let problem = Document::parse("x", &bad).unwrap_err();
    assert_eq!(problem.message, "x:22: not valid UTF-8");
    assert!(Document::parse("x", &vec![b'-'; MOST + 1]).is_err());
}

#[test]
fn random_damage_is_an_error_and_never_a_panic() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..3000 {
        let mut bytes = GOOD.as_bytes().to_vec();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[at] = b"[]{}:\"'-\n\\ \xff"[random.usize(..12)],
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(document) = Document::parse("x", &bytes) {
            let _ = document.handoff();
            let _ = Document::parse("x", document.write().as_bytes()).unwrap();
        }
    }
}
