# Sourced by scripts/start: the demonstration's hub and sites, on loopback, each stopped by its pid.

person=A123456716      # even: may buy on a Thursday
person_too=A123456734

pids=()
base=$(date -d '2020-02-06T09:00:00+08:00' +%s)
began=$(date +%s)

# The rehearsed time, running on from the first morning.
rehearsed() { date -u -d "@$((base + $(date +%s) - began))" +%Y-%m-%dT%H:%M:%SZ; }

# Without the line by which every rehearsing command marks itself.
hub() { "$hub_bin" --data "$data/hub" --rehearsal-clock "$(rehearsed)" "$@" 2> >(grep -v REHEARSAL >&2); }
edge() { local site=$1; shift; "$edge_bin" --data "$data/$site" --rehearsal-clock "$(rehearsed)" "$@"; }

stop() {
  local pid
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ "$story" = 1 ]; then rm -rf "$data"; fi
}

# run NAME COMMAND…: a process of its own, so that its pid is what is stopped; log in NAME.log.
run() {
  local name=$1; shift
  "$@" --rehearsal-clock "$(rehearsed)" >"$data/$name.log" 2>&1 &
  pids+=($!)
}

# free PORT…: nobody may listen there yet, else one demonstration would talk to another's hub.
free() {
  local port
  for port in "$@"; do
    if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      say "port $port is in use; stop what listens there (another demonstration?) and try again"
      exit 1
    fi
  done
}

# until_true SECONDS COMMAND…
until_true() {
  local left=$(($1 * 5)); shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.2
  done
}

# A process that must come up: ready LOG URL
ready() {
  if ! until_true 60 curl -fsS "$2"; then
    say "did not start; the end of $1:"
    tail -n 20 "$1" >&2
    exit 1
  fi
}

demo_hub() {
  free 7480 7601 7602 7603
  say "hub: keys, 6,745 real sites, the rules of 2020-02-06"
  hub init >/dev/null
  hub sites import >/dev/null
  hub programme publish mask-2020-02-06 >/dev/null
  hub notice publish --shipped >/dev/null
  demo_round
  demo_staff 2391030026
  demo_operator chen operator
  demo_operator lin supervisor
  run hub "$hub_bin" --data "$data/hub" serve --listen 127.0.0.1:7443 --http 127.0.0.1:7480
  ready "$data/hub.log" http://127.0.0.1:7480/readyz
}

# A round of a vaccination on the rehearsed days, with two venues, a week of hours and whoever has registered a wish.
demo_round() {
  hub round publish scripts/demo/round.toml >/dev/null
  hub venue import scripts/demo/venues.csv >/dev/null
  hub slot import scripts/demo/slots.csv >/dev/null
  hub list import --round vaccine-demo scripts/demo/list.csv >/dev/null
}

# demo_staff CODE: this site's counter asks for a sign-in; the cards lie in scripts/demo, and nobody else trusts them.
demo_staff() {
  local kind
  for kind in institution professional; do hub issuer add "scripts/demo/$kind-issuer.pem" --card "$kind" >/dev/null; done
  hub staff grant "$1" --name 東莒衛生所 --card institution --certificate scripts/demo/site-card.pem \
    --right representative >/dev/null
  hub staff grant "$1" --name 王主任 --card professional --certificate scripts/demo/manager-card.pem \
    --right manager >/dev/null
  hub staff grant "$1" --name 林護理師 --card professional --certificate scripts/demo/user-card.pem \
    --right service:masks --right service:booking >/dev/null
}

demo_password='a password of the demonstration'
declare -A secrets

# demo_operator NAME ROLE: somebody who may sign in at the hub's console.
demo_operator() {
  secrets[$1]=$(hub --json operator add "$1" --role "$2" --password-stdin <<<"$demo_password" | jq -r .secret)
}

# ask_hub TOKEN PATH: the hub's API.
ask_hub() { curl -fsS -H "Authorization: Bearer $1" "http://127.0.0.1:7480/api/v1/$2"; }

# demo_site NAME CODE PORT
demo_site() {
  local token
  say "site $1: $2"
  token=$(hub --json enrol "$2" | jq -r .token)
  edge "$1" init --site "$2" >/dev/null
  edge "$1" enrol --hub 127.0.0.1:7443 --token "$token" >/dev/null
  run "$1" "$edge_bin" --data "$data/$1" serve --listen "127.0.0.1:$3" \
    --card-helper "$card_bin" --demonstration-cards scripts/demo_people.json
  ready "$data/$1.log" "http://127.0.0.1:$3/readyz"
}
