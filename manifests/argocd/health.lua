-- The health of Tidemill's kinds for Argo CD, of all five by one script: obj is the object as it is in the cluster.
-- Argo CD runs it by Lua 5.1 with the base and table libraries alone.

-- Ready is False, and nobody needs to do anything but wait: for what is being brought up, or will be made.
local waits = {
  ClaimMissing = true,
  NoServing = true,
  NoVersion = true,
  PipelineNotFound = true,
  RollingOut = true,
  SourceAbsent = true,
  SourceAsked = true,
}

local function health(status, message)
  return { status = status, message = message }
end

local function find(conditions, kind)
  for _, condition in ipairs(conditions or {}) do
    if condition.type == kind then
      return condition
    end
  end
  return {}
end

local status = obj.status or {}
local ready = find(status.conditions, "Ready")
local message = ready.message or "waiting for the controller"

if obj.metadata.deletionTimestamp then
  return health("Progressing", "being deleted")
end
-- A new object has -1: the controller has not seen it yet.
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "waiting for the controller to see generation " .. tostring(obj.metadata.generation))
end
if find(status.conditions, "Stalled").status == "True" then
  return health("Degraded", message)
end
if (obj.kind == "PipelineRun" and status.phase == "Suspended")
    or (obj.kind == "Trigger" and obj.spec.suspend) then
  return health("Suspended", message)
end
-- A version serves, and the one that should take over from it can't.
local degraded = find(status.conditions, "Degraded")
if degraded.status == "True" and not waits[degraded.reason] then
  return health("Degraded", degraded.message)
end
if ready.status == "True" then
  return health("Healthy", message)
end
if ready.status == "False" and not waits[ready.reason] then
  return health("Degraded", message)
end
return health("Progressing", message)
