# Completion of termchat for fish. Add to ~/.config/fish/config.fish:
#     termchat completion fish | source
# or save the script as ~/.config/fish/completions/termchat.fish.

function __termchat_ask # once for a line
    set -l line (commandline -cp | string collect)
    test "$line" = "$__termchat_line"
    and return
    set -l words (commandline -opc)
    set -g __termchat_rows (termchat completion --words fish $words[2..] (commandline -ct) </dev/null 2>/dev/null)
    set -g __termchat_line $line
end

function __termchat_files
    __termchat_ask
    string match -q '*files*' -- "$__termchat_rows[1]"
end

function __termchat_values
    __termchat_ask
    test (count $__termchat_rows) -gt 1
    and printf '%s\n' $__termchat_rows[2..]
end

function __termchat_forget --on-event fish_prompt
    set -e __termchat_line
end

complete -c termchat -n __termchat_files -F
complete -c termchat -n 'not __termchat_files' -f
complete -c termchat -a '(__termchat_values)'
