# Prints the Makefile's targets by group, with what stands behind `##`.
BEGIN { FS = ":.*## "; print "make <target>" }
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^GLUE_VERSIONS := / { versions = substr($0, length("GLUE_VERSIONS := ") + 1) }
/^[$a-z0-9().A-Z_-]+( [a-z0-9.-]+)*:.*## / {
  sub(/\$\(GLUE_VERSIONS\)/, versions, $1)
  count = split($1, targets, " ")
  for (i = 1; i <= count; i++) printf "  %-16s %s\n", targets[i], $2
}
