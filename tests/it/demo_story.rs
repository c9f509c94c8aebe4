//! `gsync demo`: the story is true, and nothing of it stays.

use crate::lab::Lab;

#[test]
fn the_demo_goes_as_it_is_told_and_leaves_nothing_behind() {
    let lab = Lab::new();
    let home = lab.path("home");
    let nobody = lab.at("nobody", home.clone());
    let seen = nobody.gsync(&["demo"]).exits(0);
    for line in [
        "qc$ git push\n",
        "# Both work",
        "pulled 1 commit from builder",
        "  not up: server, internal, ui",
    ] {
        assert!(seen.stdout.contains(line), "{line}\n{}", seen.stdout);
    }
    assert_eq!(nobody.read_dir("."), [] as [&str; 0], "TMPDIR is this directory");
}

#[test]
fn the_demo_for_programs_is_one_object_and_can_be_kept() {
    let lab = Lab::new();
    let nobody = lab.at("nobody", lab.path("home"));
    let told = nobody.gsync(&["demo", "--json", "--keep"]).exits(0).json();
    assert_eq!((&told["gsync"], &told["ok"]), (&1.into(), &true.into()));
    assert_eq!(told["chapters"][0]["name"], "guard");
    let kept = std::path::PathBuf::from(told["kept"].as_str().unwrap());
    assert!(kept.join("qc/.git/gsync").is_dir());
}
