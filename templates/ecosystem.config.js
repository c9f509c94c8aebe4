// Written by gsync. Runs what the release's own ecosystem file names, from `current`: a link that
// leads to the release in use, so that a restart serves the new one.
const path = require("path");
const current = {current};
const file = {file};
const name = {name};

const own = path.join(current, file);
delete require.cache[require.resolve(own)];
const asked = require(own);
const apps = [].concat(asked.apps || asked);

module.exports = {
  apps: apps.map((app, at) => {
    const dir = path.join(current, app.cwd && !path.isAbsolute(app.cwd) ? app.cwd : ".");
    // The names are the environment's: a name that changed in a release must not leave the old
    // process behind.
    // One log for both streams, unless the release names its own.
    const log = process.env.GSYNC_LOG;
    const logs = log ? { out_file: log, error_file: log } : {};
    return { ...logs, ...app, name: apps.length === 1 ? name : `${name}-${at}`, cwd: dir };
  }),
};
