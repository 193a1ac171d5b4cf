// A worker that keeps time: browsers slow the timers of a page that is not looked at, but not those of its workers.
setInterval(() => postMessage(0), 100);
