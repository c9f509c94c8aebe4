//! What is known of files by their names: migrations, and what installs dependencies.

use crate::base::RepoPath;

/// Where tools keep migrations.
pub(super) const MIGRATIONS: [&str; 9] = [
    "**/migrations/**",
    "**/migrate/**",
    "**/migration/**",
    "**/alembic/versions/**",
    "**/changelog/**/*.sql",
    "*.migration.*",
    "V[0-9]*__*.sql",
    "!__init__.py",
    "!README*",
];

/// Files that say exactly which versions of dependencies are wanted, and what installs them.
const LOCKFILES: [(&str, &str); 20] = [
    ("Cargo.lock", "cargo build --locked"),
    ("Gemfile.lock", "bundle install"),
    ("Pipfile.lock", "pipenv sync"),
    ("bun.lock", "bun install --frozen-lockfile"),
    ("bun.lockb", "bun install --frozen-lockfile"),
    ("composer.lock", "composer install"),
    ("deno.lock", "deno install --frozen"),
    ("flake.lock", "nix build"),
    ("go.sum", "go mod download"),
    ("go.work.sum", "go work sync"),
    ("gradle.lockfile", "gradle build"),
    ("mix.lock", "mix deps.get"),
    ("npm-shrinkwrap.json", "npm ci"),
    ("package-lock.json", "npm ci"),
    ("pdm.lock", "pdm sync"),
    ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
    ("poetry.lock", "poetry install"),
    ("requirements.txt", "pip install -r requirements.txt"),
    ("uv.lock", "uv sync --frozen"),
    ("yarn.lock", "yarn install --immutable"),
];

/// The command that installs what a lockfile says, if it is one.
pub fn lockfile(path: &RepoPath) -> Option<&'static str> {
    let name = std::str::from_utf8(path.file_name()).ok()?;
    LOCKFILES.iter().find(|(known, _)| *known == name).map(|(_, install)| *install)
}
