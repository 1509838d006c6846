#!/bin/bash
# The AGI script that most people begin with: AGI(ask_crm.sh,URL,did,caller,call id,stage).
# The CRM answers in one line of values, so that curl is the only program that is started.
while read -r line && [ -n "$line" ]; do :; done
answer=$(curl -sS -m 5 -G "$1" -d "did=$2" -d "caller=$3" -d "uniqueid=$4" -d "stage=$5")
IFS=, read -r -a values <<<"$answer"
n=0
for name in app num time auto audio1 text digium select FR_SOURCE FR_RULE FR_DECISION FR_STATUS FR_DEST; do
    echo "SET VARIABLE $name \"${values[n]}\""
    read -r reply
    n=$((n + 1))
done
