
# Shell integration of termchat for fish: Alt-M asks `termchat suggest` for a command and puts it into the line; the last
# command and its exit code are kept for `termchat wtf`, in a file that only you can read.
#     set -g TERMCHAT_SUGGEST '-m quick'   options of termchat suggest
#     set -g TERMCHAT_SUGGEST_KEY \cxm     another key, set before this script is loaded

function __termchat_suggest
    set -l line (commandline | string collect)
    set -l options (string split -n ' ' -- $TERMCHAT_SUGGEST)
    test -n "$__termchat_proposed"
    and set -a options --command $__termchat_proposed
    commandline -f repaint # done at the end, also after Ctrl-C
    printf '\n' >&2
    set -l proposed (@termchat@ suggest --line --shell fish $options -- "$line" </dev/null | string collect)
    if test -n "$proposed"
        commandline -r -- $proposed
        set -g __termchat_proposed $proposed
    end
end

function __termchat_start
    set -l folder $XDG_RUNTIME_DIR
    test -n "$folder" -a -d "$folder" -a -O "$folder"
    or set folder (test -n "$TMPDIR"; and echo $TMPDIR; or echo /tmp)
    set folder (string trim -r -c / -- $folder)/termchat-(id -u)
    mkdir -m 700 $folder 2>/dev/null
    test -d $folder -a -O $folder -a ! -L $folder
    or return
    for other in $folder/shell.*
        kill -0 (string replace -r '.*\.' '' -- $other) 2>/dev/null
        or rm -f -- $other
    end
    rm -f -- $folder/shell.$fish_pid
    sh -c 'umask 077 && : >"$1"' sh $folder/shell.$fish_pid
    or return
    set -gx TERMCHAT_SHELL $folder/shell.$fish_pid

    function __termchat_record --on-event fish_postexec
        set -l last $status
        set -g __termchat_proposed ''
        if string match -q ' *' -- $argv[1]
            printf '' >$TERMCHAT_SHELL # kept out of the history
        else if not string match -qr '^([^ ]*/)?termchat +(suggest|wtf)( |$)' -- $argv[1]
            printf '%s\n%s' $last $argv[1] >$TERMCHAT_SHELL
        end
    end

    function __termchat_exit --on-event fish_exit
        rm -f -- $TERMCHAT_SHELL
    end
end

if status is-interactive; and not set -q __termchat_started
    set -g __termchat_started 1
    set -g __termchat_proposed ''
    set -l key \em
    set -q TERMCHAT_SUGGEST_KEY; and set key $TERMCHAT_SUGGEST_KEY
    bind $key __termchat_suggest
    bind -M insert $key __termchat_suggest
    __termchat_start
end
