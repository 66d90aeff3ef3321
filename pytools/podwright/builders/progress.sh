# What a reader sees of BuildKit and of docker, whose lines are kept whole; these first lines stay behind.

# How bytes are moved says nothing: what a step is, what it says and what went wrong does; and how much
# was sent, when that is ten megabytes or more.
# shellcheck disable=SC2317 # it takes the place of the prelude's
pw_show() {
  pw_awk '
    /^ *$/ { next }
    /^ *#[0-9]+ transferring context: ([0-9][0-9]+[.]?[0-9]*M|[0-9.]+G)B.* done/ { print; fflush(); next }
    /^ *#[0-9]+ (DONE|transferring |exporting |naming to |unpacking to |pushing |resolve |sha256:|extracting |writing |preparing |building with |[.][.][.]|[[]internal[]]|[[]auth[]])/ { next }
    /^The push refers to |^[0-9a-f]+: (Preparing|Waiting|Pushing|Pushed|Layer already exists|Mounted from )/ { next }
    /^[^ ]+: digest: sha256:[0-9a-f]+ size: [0-9]+$/ { next } # the last line of the build has it
    /^ ---> [0-9a-f]+$|^(Removing intermediate container|Successfully (built|tagged)) / { next }
    { print; fflush() }'
}
