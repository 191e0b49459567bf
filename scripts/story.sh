# Sourced by scripts/start --story: one person, two counters that cannot reach each other, one case.

tell() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# line_is SITE connected|cut: whether the site's uplink is in that state.
line_is() { [ "$(edge "$1" --json status | jq -r .line.state)" = "$2" ]; }

buy() { edge "$1" sell --kind 01 --number "$2" --birth 1986-03-15 --adult 2 --as "$1"; }

play_story() {
  local case_id token other
  tell "The masks arrive: 200 for adults, 50 for children, at each counter."
  for site in city mountain island; do
    until_true 30 line_is "$site" connected || { say "$site never reached the hub"; exit 1; }
    edge "$site" arrive --adult 200 --child 50 --as "$site"
  done

  tell "Two lines are cut: the city's and the mountain's."
  edge city line cut
  edge mountain line cut
  until_true 20 line_is city cut
  until_true 20 line_is mountain cut

  tell "$person buys two masks in the city, then two on the mountain. Neither can know of the other."
  buy city "$person"
  sleep 1.2
  buy mountain "$person"

  tell "The city's own counter knows, line or no line:"
  if buy city "$person"; then say "the city should have refused"; exit 1; fi

  tell "The lines are back. The hub finds the double purchase and explains it:"
  edge city line heal
  edge mountain line heal
  until_true 60 has_case || { say "no case was found"; exit 1; }
  case_id=$(hub --json cases | jq -r '.cases[0].id')
  hub case "$case_id"

  tell "Nobody sees that at the hub's console without signing in. A program asks with an operator's token:"
  if ask_hub none cases 2>/dev/null; then say "a stranger should have been turned away"; exit 1; fi
  token=$(hub --json operator token chen | jq -r .token)
  ask_hub "$token" "cases/$case_id" | jq -r '.summary."zh-TW", .summary.en'
  tell "To see the person's number one operator asks and another approves; it is written down:"
  curl -fsS -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"reason":"the story"}' \
    "http://127.0.0.1:7480/api/v1/cases/$case_id/identity" >/dev/null
  if ask_hub "$token" "cases/$case_id/identity" 2>/dev/null; then say "nobody has approved it"; exit 1; fi
  other=$(hub --json operator token lin | jq -r .token)
  curl -fsS -H "Authorization: Bearer $other" -H 'Content-Type: application/json' -d '{"approve":true}' \
    http://127.0.0.1:7480/api/v1/identity-requests/1 >/dev/null
  [ "$(ask_hub "$token" "cases/$case_id/identity" | jq -r .number)" = "$person" ] || { say "chen should see it"; exit 1; }
  hub audit export | jq -r '"\(.number)  \(.who)  \(.deed)  \(.note)"' | grep identity
  hub audit verify

  tell "The island, which sold nothing, now refuses the same person, with the next date:"
  until_true 60 island_knows || { say "the island does not know"; exit 1; }
  if buy island "$person"; then say "the island should have refused"; exit 1; fi
  [ "$(island_says .next)" = 2020-02-13 ] || { say "the next date should be 2020-02-13"; exit 1; }

  tell "Someone else is served on the island:"
  buy island "$person_too"

  tell "What the story shows: both sales stand in the ledgers, one of them is one too many, nobody was blamed for what it could not know."
}

has_case() { hub --json cases | jq -e '.cases | length == 1'; }

# island_says JQ: part of the island's answer to the person; exit code 1 is a refusal, not a fault.
island_says() {
  local answer
  answer=$(edge island --json check --kind 01 --number "$person" --birth 1986-03-15) || true
  jq -r "$1" <<<"$answer"
}

island_knows() { [ "$(island_says .reason)" = bought ]; }
