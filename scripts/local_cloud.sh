#!/usr/bin/env bash
# The laptop's AWS: starts, stops and shows the local cloud (src/local_cloud, docs/local_cloud.md).
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/local_cloud.sh <command> [options]

  start           start the emulator and the Glue endpoint; does nothing when they run
  stop            stop them; all state is kept
  status          endpoints, processes, last runs and what started them, queues, alerts, messages
  env             lines for your shell:  eval "$(./scripts/local_cloud.sh env)"
  logs [what]     the log of: emulator, glue, a job run's id, or a job's name (-f follows)
  inbox           messages of the SNS topics (--topic alerts, -f follows, --json)
  reset           stop, end running jobs, remove all state (-y does not ask)

Environment: LOCAL_CLOUD_HOME (.local-cloud), LOCAL_CLOUD_PORT (4566), LOCAL_CLOUD_GLUE_PORT (4567),
LOCAL_CLOUD_PROFILE (small|large), LOCAL_CLOUD_DRIVER_MEMORY (1g). More in docs/local_cloud.md.
EOF
}

main() {
  local root python
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  python=${root}/.venv/bin/python

  case ${1:-} in
    -h | --help | help)
      usage
      exit 0
      ;;
    start | stop | status | env | logs | inbox | reset) ;;
    *)
      usage >&2
      exit 2
      ;;
  esac

  if ! "${python}" -c 'import local_cloud, ministack' 2>/dev/null; then
    echo "local_cloud.sh: ${root}/.venv is missing or not complete. Run ./scripts/deploy.sh local, which makes it," >&2
    echo "or: python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[local]'" >&2
    exit 1
  fi
  exec "${python}" -m local_cloud "$@"
}

main "$@"
