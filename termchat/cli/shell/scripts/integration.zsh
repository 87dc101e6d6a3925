
# Shell integration of termchat for zsh: Alt-M asks `termchat suggest` for a command and puts it into the line; the last
# command and its exit code are kept for `termchat wtf`, in a file that only you can read.
#     TERMCHAT_SUGGEST='-m quick'      options of termchat suggest
#     TERMCHAT_SUGGEST_KEY='^Xm'       another key, set before this script is loaded

_termchat_suggest() {
    emulate -L zsh
    local proposed
    local -a options=(${=TERMCHAT_SUGGEST})
    [[ -n $_termchat_proposed ]] && options+=(--command "$_termchat_proposed")
    zle -I
    setopt local_traps
    trap : INT # Ctrl-C stops termchat, and leaves the line as it is
    proposed=$(@termchat@ suggest --line --shell zsh "${options[@]}" -- "$BUFFER" </dev/null) || { zle reset-prompt; return 0 }
    [[ -n $proposed ]] || return 0
    BUFFER=$proposed
    CURSOR=$#BUFFER
    _termchat_proposed=$proposed
}

_termchat_preexec() {
    _termchat_command=$1
    [[ -o hist_ignore_space && $1 == ' '* ]] && _termchat_command=' '
    return 0
}

_termchat_precmd() {
    local last=$?
    _termchat_proposed=
    if [[ $_termchat_command == ' ' ]]; then
        : >|$TERMCHAT_SHELL # kept out of the history
    elif [[ -n $_termchat_command && ! $_termchat_command =~ '^([^ ]*/)?termchat +(suggest|wtf)( |$)' ]]; then
        printf '%s\n%s' "$last" "$_termchat_command" >|$TERMCHAT_SHELL
    fi
    _termchat_command=
    return $last
}

_termchat_exit() {
    rm -f -- $TERMCHAT_SHELL
}

_termchat_start() {
    emulate -L zsh
    local folder=$XDG_RUNTIME_DIR other
    [[ -d $folder && -O $folder ]] || folder=${TMPDIR:-/tmp}
    folder=${folder%/}/termchat-$UID
    mkdir -m 700 $folder 2>/dev/null
    [[ -d $folder && -O $folder && ! -L $folder ]] || return
    for other in $folder/shell.*(N); do
        kill -0 ${other##*.} 2>/dev/null || rm -f -- $other
    done
    rm -f -- $folder/shell.$$
    (umask 077 && : >|$folder/shell.$$) || return
    export TERMCHAT_SHELL=$folder/shell.$$
    typeset -ga precmd_functions preexec_functions zshexit_functions
    precmd_functions=(_termchat_precmd $precmd_functions)
    preexec_functions+=(_termchat_preexec)
    zshexit_functions+=(_termchat_exit)
}

if [[ -o interactive && -z $_termchat_started ]]; then
    typeset -g _termchat_started=1 _termchat_command= _termchat_proposed=
    zle -N _termchat_suggest
    bindkey -M emacs "${TERMCHAT_SUGGEST_KEY:-\\em}" _termchat_suggest
    bindkey -M viins "${TERMCHAT_SUGGEST_KEY:-\\em}" _termchat_suggest
    _termchat_start
fi
