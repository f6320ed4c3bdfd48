-- How a script answers when it has changed nothing, joined in front of the scripts that
-- change events.
--
-- Such an answer, a replay or a refusal, rests on what earlier calls wrote, and that may
-- not be on the replicas or on disk yet. Where the service waits for them (acks is 1), it
-- ends each pipeline with WAIT or WAITAOF, and since Redis 7.2 these cover no more than
-- the last write of their own connection. So the answer makes a write, which comes after
-- all that it rests on: the field `mark` appears, or goes if it was there. HDEL comes
-- first, since a full Redis lets it through, and after it the HSET.

local function unchanged(e, acks, answer)
  if acks == '1' and e.markable and redis.call('HDEL', e.key, 'mark') == 0 then
    redis.call('HSET', e.key, 'mark', '')
  end
  return answer
end
