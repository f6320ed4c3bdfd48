-- The scripts run in Redis's Lua 5.1, which offers these globals and no others.
std = {
  read_globals = {
    "KEYS", "ARGV", "redis",
    "string", "table", "math", "cjson",
    "tonumber", "tostring", "pairs", "ipairs", "unpack", "type", "error",
  },
}
max_line_length = 120
-- What scripts share is joined in front of each of them, used or not: functions whose names
-- have two words, and constants. A test of package scripts finds what no script uses.
ignore = {"211/%l+_[%l_]+", "211/[%u_]+", "211/commit", "211/digits"}
