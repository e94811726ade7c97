# SPDX-License-Identifier: MIT
# Reads the preprocessed public header and prints what it declares, one fact a line:
#     structure NAME, field STRUCTURE.NAME, declaration STRUCTURE.NAME TEXT, enumeration NAME, constant NAME
# A declaration that it cannot read is a line that begins with "unreadable".

{ text = text " " $0 }

function squeeze(part) {
    gsub(/[ \t]+/, " ", part)
    gsub(/^ | $/, "", part)
    gsub(/\( /, "(", part)
    gsub(/ \)/, ")", part)
    return part
}

# The name that a field's declaration gives, "" where it is none of the forms that the header uses.
function field_name(declaration, plain) {
    if (match(declaration, /\(\*[a-z_0-9]+\)\(.*\)$/)) {
        plain = substr(declaration, RSTART + 2)
        sub(/\).*/, "", plain)
        return plain
    }
    if (declaration ~ /[,:(){}]/)
        return ""
    plain = declaration
    sub(/\[[0-9]+\]$/, "", plain)
    if (!match(plain, /[a-z_0-9]+$/) || RSTART == 1)
        return ""
    return substr(plain, RSTART)
}

function print_fields(structure, body, parts, count, i, name) {
    print "structure " structure
    count = split(body, parts, ";")
    for (i = 1; i <= count; i++) {
        parts[i] = squeeze(parts[i])
        if (parts[i] == "")
            continue
        name = field_name(parts[i])
        if (name == "") {
            print "unreadable " structure ": " parts[i]
            continue
        }
        print "field " structure "." name
        print "declaration " structure "." name " " parts[i]
    }
}

function print_constants(enumeration, body, parts, count, i) {
    if (enumeration != "")
        print "enumeration " enumeration
    count = split(body, parts, ",")
    for (i = 1; i <= count; i++) {
        sub(/=.*/, "", parts[i])
        parts[i] = squeeze(parts[i])
        if (parts[i] != "")
            print "constant " parts[i]
    }
}

END {
    while (match(text, /(struct|enum)( [a-z_0-9]+)? *[{][^{}]*[}]/)) {
        piece = substr(text, RSTART, RLENGTH)
        text = substr(text, 1, RSTART - 1) " BODY " substr(text, RSTART + RLENGTH)
        open = index(piece, "{")
        split(squeeze(substr(piece, 1, open - 1)), words, " ")
        body = substr(piece, open + 1, length(piece) - open - 1)
        name = words[2]
        words[2] = ""
        if (words[1] == "enum")
            print_constants(name, body)
        else if (name != "")
            print_fields(name, body)
        else
            print "unreadable structure without a name: " squeeze(piece)
    }
    # Unions, structures inside structures and functions would be left.
    if (match(text, /[^;]*[{}].*/))
        print "unreadable " squeeze(substr(text, RSTART, 120))
}
