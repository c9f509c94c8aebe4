//! What tools print, tool by tool: harmless words in good logs, failures that a command masked,
//! and which line is the first error. One case is one log.

use std::sync::Arc;

use gsync::pipeline::judge::Judge;
use gsync::pipeline::matchers::Matchers;
use gsync::pipeline::reader::Reader;
use gsync::pipeline::verdict::{Asked, Ended};

struct Case {
    name: &'static str,
    exit: i32,
    /// What the first error line has in it; nothing: the log is good.
    first: Option<&'static str>,
    log: &'static str,
}

const fn good(name: &'static str, log: &'static str) -> Case {
    Case { name, exit: 0, first: None, log }
}

/// A failure that ends with 0 all the same.
const fn masked(name: &'static str, first: &'static str, log: &'static str) -> Case {
    Case { name, exit: 0, first: Some(first), log }
}

const fn bad(name: &'static str, first: &'static str, log: &'static str) -> Case {
    Case { name, exit: 1, first: Some(first), log }
}

const RUST: &[Case] = &[
    good(
        "cargo: names and warnings",
        "   Compiling thiserror v2.0.12\n   Compiling error-chain v0.12.4\nwarning: unused variable: `error`\n --> src/lib.rs:3:9\n  |\n3 |     let error = 1;\n\nwarning: `app` (lib) generated 1 warning\n    Finished `dev` profile [unoptimized + debuginfo] target(s) in 2.31s\n",
    ),
    good(
        "cargo test: tests about errors",
        "running 3 tests\ntest errors::a_failed_login_is_an_error ... ok\ntest panic_is_caught ... ok\ntest should_fail - should panic ... ok\n\nfailures: 0\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
    ),
    good(
        "cargo test: a panic that a test caught",
        "running 1 test\n\nthread 'worker' (41) panicked at src/pool.rs:7:9:\njob went wrong\ntest pool_survives_a_panic ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\n   Doc-tests app\n\nrunning 0 tests\n",
    ),
    masked(
        "cargo build || true",
        "error[E0425]: cannot find value `usr`",
        "   Compiling app v0.1.0 (/src/app)\nerror[E0425]: cannot find value `usr` in this scope\n --> src/main.rs:2:5\n\nFor more information about this error, try `rustc --explain E0425`.\nerror: could not compile `app` (bin \"app\") due to 1 previous error\ndone\n",
    ),
    bad(
        "cargo: a warning before the error",
        "error: expected one of",
        "   Compiling app v0.1.0 (/src/app)\nwarning: unused import: `std::error::Error`\n --> src/lib.rs:1:5\nerror: expected one of `!` or `::`, found `main`\n --> src/main.rs:1:4\nerror: could not compile `app` (bin \"app\") due to 1 previous error; 1 warning emitted\n",
    ),
    bad(
        "cargo test: a failing test",
        "test totals_add_up ... FAILED",
        "running 2 tests\ntest fine ... ok\ntest totals_add_up ... FAILED\n\nfailures:\n\n---- totals_add_up stdout ----\n\nthread 'totals_add_up' (9) panicked at src/lib.rs:11:9:\nassertion `left == right` failed\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n\nerror: test failed, to rerun pass `--lib`\n",
    ),
    bad(
        "cargo: a build script",
        "error: failed to run custom build command for `openssl-sys",
        "   Compiling openssl-sys v0.9.104\nerror: failed to run custom build command for `openssl-sys v0.9.104`\n\nCaused by:\n  process didn't exit successfully: `/t/build-script-main` (exit status: 101)\n  --- stderr\n  Could not find directory of OpenSSL installation\nwarning: build failed, waiting for other jobs to finish...\n",
    ),
    bad(
        "cargo: the linker",
        "error: linking with `cc` failed",
        "   Compiling app v0.1.0 (/src/app)\nerror: linking with `cc` failed: exit status: 1\n  |\n  = note: /usr/bin/ld: cannot find -lpq: No such file or directory\n          collect2: error: ld returned 1 exit status\n\nerror: could not compile `app` (bin \"app\") due to 1 previous error\n",
    ),
    Case {
        name: "cargo run: a panic",
        exit: 101,
        first: Some("panicked at src/main.rs:4:10"),
        log: "     Running `target/debug/app`\n\nthread 'main' (77) panicked at src/main.rs:4:10:\ncalled `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: \"No such file or directory\" }\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
    },
];

const WEB: &[Case] = &[
    good(
        "tsc --watch",
        "[10:11:12] Starting compilation in watch mode...\n\n[10:11:15] Found 0 errors. Watching for file changes.\n",
    ),
    masked(
        "tsc; true",
        "src/user.ts(4,7): error TS2322",
        "> web@1.0.0 build\n> tsc -p . ; echo built\n\nsrc/user.ts(4,7): error TS2322: Type 'string' is not assignable to type 'number'.\nbuilt\n",
    ),
    bad(
        "tsc --pretty",
        "src/user.ts:4:7 - error TS2322",
        "\u{1b}[96msrc/user.ts\u{1b}[0m:\u{1b}[93m4\u{1b}[0m:\u{1b}[93m7\u{1b}[0m - \u{1b}[91merror\u{1b}[0m\u{1b}[90m TS2322: \u{1b}[0mType 'string' is not assignable to type 'number'.\n\nFound 1 error in src/user.ts\u{1b}[90m:4\u{1b}[0m\n",
    ),
    good(
        "vite build",
        "vite v6.2.0 building for production...\n✓ 214 modules transformed.\ndist/index.html                  0.46 kB │ gzip:  0.30 kB\ndist/assets/error-page-4f2a.js  12.01 kB │ gzip:  4.20 kB\n✓ built in 1.52s\n",
    ),
    bad(
        "vite build: unresolved",
        "[vite]: Rollup failed to resolve import \"leftpad\"",
        "vite v6.2.0 building for production...\ntransforming...\nx Build failed in 212ms\nerror during build:\n[vite]: Rollup failed to resolve import \"leftpad\" from \"/src/web/src/main.ts\".\n    at viteWarn (file:///src/web/node_modules/vite/dist/node/chunks/dep.js:1:1)\nnpm error Lifecycle script `build` failed with error:\nnpm error code 1\n",
    ),
    good(
        "webpack: a warning",
        "asset main.js 310 KiB [emitted] [minimized] [big] (name: main)\n\nWARNING in asset size limit: The following asset(s) exceed the recommended size limit (244 KiB).\n\nwebpack 5.98.0 compiled with 1 warning in 1204 ms\n",
    ),
    masked(
        "webpack || true",
        "ERROR in ./src/index.js",
        "asset main.js 2 KiB [emitted] (name: main)\n\nERROR in ./src/index.js 3:0-28\nModule not found: Error: Can't resolve './nope' in '/src/web/src'\n\nwebpack 5.98.0 compiled with 1 error in 310 ms\n",
    ),
    good(
        "npm ci: deprecations and an audit",
        "npm warn deprecated glob@7.2.3: Glob versions prior to v9 are no longer supported\nnpm warn deprecated error-ex@1.0.0: contains failures\n\nadded 311 packages, and audited 312 packages in 4s\n\n3 moderate severity vulnerabilities\n\nTo address all issues, run:\n  npm audit fix\n",
    ),
    bad(
        "npm run: the cause stands before the summary",
        "src/a.ts(1,7): error TS2304",
        "> web@1.0.0 build\n> tsc\n\nsrc/a.ts(1,7): error TS2304: Cannot find name 'x'.\nnpm ERR! code ELIFECYCLE\nnpm ERR! errno 2\nnpm ERR! web@1.0.0 build: `tsc`\nnpm ERR! Exit status 2\nnpm ERR! \nnpm ERR! Failed at the web@1.0.0 build script.\n",
    ),
    bad(
        "npm run: a cause that only words tell",
        "cannot open the schema",
        "> web@1.0.0 gen\n> node gen.js\n\ngen: cannot open the schema\nnpm ERR! code ELIFECYCLE\nnpm ERR! errno 1\nnpm ERR! web@1.0.0 gen: `node gen.js`\nnpm ERR! Exit status 1\n",
    ),
    bad(
        "npm: missing script",
        "npm error Missing script: \"biuld\"",
        "npm error Missing script: \"biuld\"\nnpm error\nnpm error Did you mean this?\nnpm error   npm run build # run the \"build\" package script\n",
    ),
    bad(
        "npm: a package that is not there",
        "npm error 404 Not Found",
        "npm error code E404\nnpm error 404 Not Found - GET http://localhost:4873/nope-pkg - not found\nnpm error 404\n",
    ),
    bad(
        "npm: no access",
        "npm error Error: EACCES",
        "npm error code EACCES\nnpm error syscall mkdir\nnpm error path /usr/lib/node_modules/x\nnpm error errno -13\nnpm error Error: EACCES: permission denied, mkdir '/usr/lib/node_modules/x'\n",
    ),
    bad(
        "pnpm: a script of a package",
        "src/i.ts(1,1): error TS1005",
        "packages/a build$ tsc\npackages/a build: src/i.ts(1,1): error TS1005: ';' expected.\npackages/a build: Failed\n ERR_PNPM_RECURSIVE_RUN_FIRST_FAIL  a@1.0.0 build: `tsc`\nExit status 2\n",
    ),
    bad(
        "yarn: a command",
        "/bin/sh: 1: vite: not found",
        "yarn run v1.22.22\n$ vite build\n/bin/sh: 1: vite: not found\nerror Command failed with exit code 127.\n",
    ),
    good(
        "jest: a test that logs an error",
        "  console.error\n    Error: refused on purpose\n\n      at log (src/a.js:3:5)\n\nPASS src/error-handling.test.js\n  ✓ shows an error when the login failed (4 ms)\n\nTest Suites: 1 passed, 1 total\nTests:       1 passed, 1 total\n",
    ),
    bad(
        "jest",
        "● totals › adds up",
        "FAIL src/totals.test.js\n  totals\n    ✕ adds up (3 ms)\n\n  ● totals › adds up\n\n    expect(received).toBe(expected) // Object.is equality\n\nTest Suites: 1 failed, 1 total\nTests:       1 failed, 1 total\nnpm error Lifecycle script `test` failed with error:\n",
    ),
    good(
        "mocha",
        "\n  login\n    ✔ fails without a password\n    ✔ throws an Error\n\n  2 passing (9ms)\n",
    ),
    bad(
        "mocha",
        "1) adds up",
        "\n  totals\n    ✔ is a number\n    1) adds up\n\n  1 passing (9ms)\n  1 failing\n\n  1) totals\n       adds up:\n\n      AssertionError [ERR_ASSERTION]: 4 == 5\n",
    ),
    good(
        "eslint: warnings",
        "\n/src/a.js\n  1:7  warning  'error' is assigned a value but never used  no-unused-vars\n\n✖ 1 problem (0 errors, 1 warning)\n\n",
    ),
    masked(
        "eslint || true",
        "2:3  error",
        "\n/src/a.js\n  1:7  warning  'b' is never used  no-unused-vars\n  2:3  error    'foo' is not defined  no-undef\n\n✖ 2 problems (1 error, 1 warning)\n\n",
    ),
];

const MORE: &[Case] = &[
    good(
        "pip",
        "Collecting exceptiongroup==1.2.2\n  Downloading exceptiongroup-1.2.2-py3-none-any.whl (16 kB)\nSuccessfully installed exceptiongroup-1.2.2\nWARNING: Running pip as the 'root' user can result in broken permissions\n",
    ),
    masked(
        "pip install || true",
        "ERROR: Could not find a version that satisfies",
        "Collecting nope-pkg\nERROR: Could not find a version that satisfies the requirement nope-pkg (from versions: none)\nERROR: No matching distribution found for nope-pkg\nbuild finished\n",
    ),
    good(
        "pytest",
        "============================= test session starts ==============================\ncollected 3 items\n\ntests/test_errors.py::test_failed_login_raises_error PASSED              [ 33%]\ntests/test_errors.py::test_panic PASSED                                  [ 66%]\n\n========================= 2 passed, 1 xfailed in 0.03s =========================\n",
    ),
    masked(
        "pytest | tee",
        "E       assert 4 == 5",
        "============================= test session starts ==============================\ntest_t.py F                                                              [100%]\n\n>       assert 2 + 2 == 5\nE       assert 4 == 5\n\ntest_t.py:2: AssertionError\nFAILED test_t.py::test_t - assert 4 == 5\n============================== 1 failed in 0.02s ===============================\n",
    ),
    good(
        "go test",
        "=== RUN   TestErrorPaths\n--- PASS: TestErrorPaths (0.00s)\n=== RUN   TestPanicRecovered\n--- PASS: TestPanicRecovered (0.00s)\nPASS\nok  \tapp/errors\t0.004s\n",
    ),
    masked(
        "go vet || true",
        "./main.go:7:2: undefined: nope",
        "# app\n./main.go:7:2: undefined: nope\n# app [build failed]\nbuilt\n",
    ),
    bad(
        "go build",
        "./main.go:7:2: undefined: nope",
        "# app\n./main.go:7:2: undefined: nope\nmake: *** [Makefile:3: build] Error 1\n",
    ),
    bad(
        "go: a panic",
        "panic: runtime error: index out of range",
        "starting\npanic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:6 +0x1d\nexit status 2\n",
    ),
    good(
        "gcc: a warning",
        "cc -Wall -Werror=return-type -c error.c -o error.o\nerror.c:3:7: warning: unused variable 'failed' [-Wunused-variable]\ncc -o app error.o\n",
    ),
    good(
        "make: ignored",
        "rm old\nrm: cannot remove 'old': No such file or directory\nmake: [Makefile:2: clean] Error 1 (ignored)\ncc -c a.c\n",
    ),
    bad(
        "make: the compiler's error",
        "a.c:3:1: error: unknown type name 'foo'",
        "cc -c a.c\na.c: In function 'main':\na.c:3:1: error: unknown type name 'foo'\nmake[1]: *** [Makefile:2: a.o] Error 1\nmake[1]: Leaving directory '/src/lib'\nmake: *** [Makefile:9: all] Error 2\n",
    ),
    bad(
        "make: no rule",
        "No rule to make target 'missing.h'",
        "cc -c b.c\nmake: *** No rule to make target 'missing.h', needed by 'a.o'.  Stop.\n",
    ),
    masked(
        "make -k || true",
        "undefined reference to `sqrt'",
        "cc -o app a.o\n/usr/bin/ld: a.o: in function `main':\na.c:(.text+0x1b): undefined reference to `sqrt'\ncollect2: error: ld returned 1 exit status\nmake: *** [Makefile:2: app] Error 1\nready\n",
    ),
    bad(
        "cmake",
        "CMake Error at CMakeLists.txt:4",
        "-- Looking for pthread_create - not found\nCMake Error at CMakeLists.txt:4 (find_package):\n  By not providing \"FindNope.cmake\" in CMAKE_MODULE_PATH this project has\n-- Configuring incomplete, errors occurred!\n",
    ),
    good(
        "cmake: what is looked for and not there",
        "-- Looking for strerror_r - not found\n-- Performing Test HAVE_ERROR_FLAG - Failed\n-- Configuring done (0.4s)\n-- Build files have been written to: /src/b\n",
    ),
    bad(
        "maven: the compiler's error",
        "App.java:[3,9] cannot find symbol",
        "[INFO] --- compiler:3.13.0:compile (default-compile) @ app ---\n[ERROR] COMPILATION ERROR : \n[INFO] -------------------------------------------------------------\n[ERROR] /src/app/src/main/java/App.java:[3,9] cannot find symbol\n  symbol:   class Foo\n[INFO] BUILD FAILURE\n[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.13.0:compile (default-compile) on project app: Compilation failure -> [Help 1]\n",
    ),
    good(
        "maven",
        "[INFO] Tests run: 12, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in com.x.ErrorHandlerTest\n[INFO] Tests run: 12, Failures: 0, Errors: 0, Skipped: 0\n[INFO] BUILD SUCCESS\n",
    ),
    bad(
        "gradle",
        "App.java:3: error: cannot find symbol",
        "> Task :compileJava FAILED\n/src/app/src/main/java/App.java:3: error: cannot find symbol\n        Foo f;\n1 error\n\nFAILURE: Build failed with an exception.\n\n* What went wrong:\nExecution failed for task ':compileJava'.\n\nBUILD FAILED in 1s\n",
    ),
    good(
        "gradle",
        "> Task :compileJava\n> Task :test\n\nErrorTest > failedLoginIsAnError() PASSED\n\nBUILD SUCCESSFUL in 3s\n",
    ),
    good(
        "docker: names of layers",
        "#9 [5/6] RUN npm run test:errors\n#9 0.412 ok 1 - error page\n#9 0.500 # fail 0\n#9 DONE 1.2s\n#10 exporting to image\n#10 DONE 0.3s\n",
    ),
    bad(
        "docker: the error of the step",
        "error TS2304",
        "#9 [5/6] RUN npm run build\n#9 2.111 src/a.ts(1,7): error TS2304: Cannot find name 'x'.\n#9 ERROR: process \"/bin/sh -c npm run build\" did not complete successfully: exit code: 2\n------\n > [5/6] RUN npm run build:\n2.111 src/a.ts(1,7): error TS2304: Cannot find name 'x'.\n------\nDockerfile:5\nERROR: failed to solve: process \"/bin/sh -c npm run build\" did not complete successfully: exit code: 2\n",
    ),
    bad(
        "docker: no daemon",
        "Cannot connect to the Docker daemon",
        "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    ),
    masked(
        "compose: a service that ends",
        "Error: no database",
        "api-1  | starting\napi-1  | Error: no database\napi-1  |     at main (/app/i.js:3:9)\napi-1 exited with code 1\n",
    ),
    masked(
        "tilt ci",
        "error[E0599]",
        "Updating server\nserver │ error[E0599]: no method named `go` found\nserver │ error: could not compile `server` (bin \"server\") due to 1 previous error\nserver │ Build Failed: Command \"cargo build\" failed: exit status 101\n",
    ),
    good(
        "rspec",
        "Login\n  fails with an error when the password is wrong\n  raises ArgumentError\n\nFinished in 0.02 seconds (files took 0.1 seconds to load)\n2 examples, 0 failures\n",
    ),
    bad(
        "rspec",
        "1) Totals adds up",
        "F\n\nFailures:\n\n  1) Totals adds up\n     Failure/Error: expect(2 + 2).to eq(5)\n\nFinished in 0.01 seconds\n1 example, 1 failure\n\nFailed examples:\n\nrspec ./spec/totals_spec.rb:3 # Totals adds up\n",
    ),
    bad(
        "ruby",
        "undefined local variable or method",
        "a.rb:1:in `<main>': undefined local variable or method `nope' for main:Object (NameError)\n",
    ),
    good(
        "dotnet",
        "  Determining projects to restore...\n  App -> /src/App/bin/Debug/net9.0/App.dll\n\nBuild succeeded.\n    0 Warning(s)\n    0 Error(s)\n",
    ),
    bad(
        "dotnet",
        "Program.cs(3,5): error CS0103",
        "  Determining projects to restore...\n/src/App/Program.cs(3,5): error CS0103: The name 'nope' does not exist in the current context [/src/App/App.csproj]\n\nBuild FAILED.\n\n    0 Warning(s)\n    1 Error(s)\n",
    ),
    good(
        "commits about errors",
        "   1a2b3c4..5d6e7f8  main -> origin/main\n5d6e7f8 fix: error TS2322 in the login, panic on failed build\n1a2b3c4 revert \"FAILED test\"\nup to date\n",
    ),
    good(
        "a retry",
        "connecting: error: connection refused, trying again\nconnecting: error: connection refused, trying again\nconnected\nmigrations: 0 failed, 3 applied\n",
    ),
    Case {
        name: "a crash",
        exit: 139,
        first: Some("Segmentation fault"),
        log: "loading\nrun.sh: line 3:   812 Segmentation fault      (core dumped) ./app\n",
    },
    masked(
        "a crash that a script goes on after",
        "Segmentation fault",
        "loading\nrun.sh: line 3:   812 Segmentation fault      (core dumped) ./app\ncleaning up\n",
    ),
    Case {
        name: "a command that is not there",
        exit: 127,
        first: Some("prtoc: command not found"),
        log: "generating\n./gen.sh: line 2: prtoc: command not found\n",
    },
    bad(
        "a tool of one's own",
        "ERROR cannot read schema.json",
        "reading the schema\nERROR cannot read schema.json: line 4, column 2\nstopped\n",
    ),
    bad(
        "a full disk",
        "No space left on device",
        "writing dist\ntar: dist.tar: Cannot write: No space left on device\ntar: Error is not recoverable: exiting now\n",
    ),
];

#[test]
fn every_tool_is_judged_and_its_first_error_named() {
    let matchers = Arc::new(Matchers::new(None).unwrap());
    let mut wrong = Vec::new();
    let cases = || RUST.iter().chain(WEB).chain(MORE);
    for case in cases() {
        let mut judge = Judge::new(Arc::clone(&matchers), &Asked::default()).unwrap();
        let mut reader = Reader::default();
        reader.push(case.log.as_bytes(), &mut |block| judge.block(block));
        reader.end(&mut |block| judge.block(block));
        let verdict = judge.finish(&Ended::Exit(case.exit));
        let text = verdict.first.as_ref().map_or("", |first| first.text.as_str());
        let right = match case.first {
            None => verdict.ok(),
            Some(first) => !verdict.ok() && text.contains(first),
        };
        if !right {
            wrong.push(format!("{} (exit {}): {}: {text}", case.name, case.exit, verdict.reason()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases().count(), wrong.join("\n"));
}
