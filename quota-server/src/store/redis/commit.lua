-- Makes changes if all is as their author saw it, and none if anything differs.
--
-- KEYS: every key that is looked at or changed. All share one hash tag, so that a Cluster has them on one node.
-- ARGV: how many groups of checks there are, and for each: the command that reads (HMGET, ZMSCORE or MGET), which of
--       KEYS, how many fields or members, these, how many checks, and 'none' if nothing may be there, or else 'is' and
--       what has to be there.
--       Then, until the end, changes, each: the command, which of KEYS, how many other words, and these.
--
-- Answers an empty list when all checks held and all changes are made. Else nothing is changed, and the list has two
-- entries a check that failed: which one it is, from 1, and what is there.
--
-- BITFIELD is given numbers by their place, and what is to be added; the largest number stays where that would be more.
-- No change can fail once the first has succeeded: the keys are this program's own, and Redis refuses a script that may
-- not write (no memory left, a replica, a full disk) before its first change.

local at = 0
local function word()
  at = at + 1
  return ARGV[at]
end

local function number()
  return tonumber(word())
end

local differs, checked = {}, 0
for group = 1, number() do
  local read, key, names = word(), KEYS[number()], number()
  local there = redis.call(read, key, unpack(ARGV, at + 1, at + names))
  at = at + names
  local checks, is = number(), word() == 'is'
  for check = 1, checks do
    if there[check] ~= (is and word()) then
      differs[#differs + 1] = checked + check
      differs[#differs + 1] = there[check]
    end
  end
  checked = checked + checks
end

if #differs == 0 then
  while at < #ARGV do
    local change, key, words = word(), KEYS[number()], number()
    if change == 'BITFIELD' then
      local sums = { 'OVERFLOW', 'SAT' }
      for sum = at + 1, at + words, 2 do
        sums[#sums + 1] = 'INCRBY'
        sums[#sums + 1] = 'i64'
        sums[#sums + 1] = ARGV[sum]
        sums[#sums + 1] = ARGV[sum + 1]
      end
      redis.call(change, key, unpack(sums))
    else
      redis.call(change, key, unpack(ARGV, at + 1, at + words))
    end
    at = at + words
  end
end
return differs
