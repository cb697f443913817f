# Read by zsh in a terminal of JupyterLab: the learner's own file, then what the lab needs.
ZDOTDIR=$LAB_ZDOTDIR
[[ $HISTFILE == $LAB_ZSH/* ]] && HISTFILE=$ZDOTDIR/.zsh_history
[[ -f $ZDOTDIR/.zshrc ]] && . "$ZDOTDIR/.zshrc"
. "$LAB_ZSH/../common"
unset LAB_ZSH
