#!/usr/bin/php -q
<?php
// A PHP AGI that looks a call up over HTTP, as those do that FreePBX's Dynamic Routes starts: it waits up to 5 s, and
// sets a variable by a command of its own. AGI(ask_crm.php,URL,did,caller,call id,stage)
while (($line = fgets(STDIN)) !== false && trim($line) !== '') {
}
$asked = http_build_query(['did' => $argv[2], 'caller' => $argv[3], 'uniqueid' => $argv[4], 'stage' => $argv[5]]);
$answer = file_get_contents("$argv[1]?$asked", false, stream_context_create(['http' => ['timeout' => 5]]));
foreach (json_decode((string) $answer, true)['result'] ?? [] as $name => $value) {
    echo "SET VARIABLE $name \"$value\"\n";
    fgets(STDIN);
}
