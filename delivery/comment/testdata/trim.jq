# Keeps of `pulumi preview --json` what delivery/preview reads, and of resources that
# are created only the inputs that the comment tells: jq -cf trim.jq < preview.json
def told: . as $s | if .inputs == null then {} else {inputs: (.inputs | if $s.keep then . else
  with_entries(select(.key == "containerDefinitions" or .key == "weightedRoutingPolicies" or .key == "setIdentifier" or .key == "name")) end)} end;
def state($all): if . == null then null else (. + {keep: $all} | told) end;
del(.config) | .steps |= map(
  (.op == "update" or .op == "replace") as $all | (.op == "same" or .op == "read") as $none |
  {op, urn, diffReasons, replaceReasons, detailedDiff}
  + (if $none then {} else {oldState: (.oldState | state($all)), newState: (.newState | state($all))} end)
  | with_entries(select(.value != null)))
