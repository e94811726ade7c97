/* SPDX-License-Identifier: MIT */
#include "lib/text/stop_words.h"

#include "lib/base/macros.h"
#include "lib/base/text.h"

/* In byte order: looked up by halving. */
static const char *const stop_words[] = {
    /* clang-format off */
    "a", "about", "above", "across", "after", "again", "against", "ain't", "all", "along", "already",
    "also", "although", "always", "am", "among", "amongst", "an", "and", "another", "any", "anybody",
    "anyone", "anything", "are", "aren't", "around", "as", "at", "be", "because", "been", "before",
    "behind", "being", "below", "beneath", "beside", "besides", "between", "beyond", "both", "but",
    "by", "can", "can't", "cannot", "cant", "could", "could've", "couldn't", "despite", "did", "didn't",
    "didnt", "do", "does", "doesn't", "doesnt", "doing", "don't", "done", "dont", "down", "during",
    "each", "either", "else", "even", "ever", "everybody", "everyone", "everything", "except", "few",
    "for", "from", "had", "hadn't", "has", "hasn't", "have", "haven't", "having", "he", "he'd", "he'll",
    "he's", "hence", "her", "here", "here's", "hers", "herself", "him", "himself", "his", "how",
    "how's", "however", "i", "i'd", "i'll", "i'm", "i've", "if", "im", "in", "inside", "into", "is",
    "isn't", "isnt", "it", "it'd", "it'll", "it's", "its", "itself", "ive", "just", "let's", "many",
    "may", "mayn't", "me", "might", "mightn't", "mine", "more", "most", "much", "must", "mustn't", "my",
    "myself", "needn't", "neither", "no", "nobody", "none", "nor", "not", "nothing", "now", "of", "off",
    "often", "on", "once", "one", "oneself", "only", "onto", "or", "other", "others", "ought", "our",
    "ours", "ourselves", "out", "outside", "over", "own", "per", "quite", "rather", "same", "several",
    "shall", "shan't", "she", "she'd", "she'll", "she's", "should", "should've", "shouldn't", "since",
    "so", "some", "somebody", "someone", "something", "sometimes", "still", "such", "than", "that",
    "that'd", "that'll", "that's", "thats", "the", "their", "theirs", "them", "themselves", "then",
    "there", "there's", "therefore", "these", "they", "they'd", "they'll", "they're", "they've", "this",
    "those", "though", "through", "throughout", "thus", "to", "too", "toward", "towards", "under",
    "underneath", "unless", "until", "up", "upon", "us", "very", "via", "was", "wasn't", "we", "we'd",
    "we'll", "we're", "we've", "were", "weren't", "what", "what's", "whatever", "when", "when's",
    "where", "where's", "whereas", "whether", "which", "whichever", "while", "who", "who'd", "who'll",
    "who's", "who've", "whoever", "whom", "whose", "why", "why's", "will", "with", "within", "without",
    "won't", "wont", "would", "would've", "wouldn't", "yes", "yet", "you", "you'd", "you'll", "you're",
    "you've", "your", "yours", "yourself", "yourselves",
    /* clang-format on */
};

/* Orders the word and a string as text_compare does, in one walk: most differ in their first letters. */
static int compare(rpmd_text word, const char *string)
{
    size_t i = 0;
    while (i < word.length && word.data[i] == string[i] && string[i] != '\0')
        i++;
    if (i == word.length)
        return string[i] == '\0' ? 0 : -1;
    return string[i] == '\0' ? 1 : (unsigned char)word.data[i] - (unsigned char)string[i];
}

bool text_is_stop_word(rpmd_text word)
{
    size_t low = 0;
    size_t high = ARRAY_SIZE(stop_words);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(word, stop_words[middle]);
        if (order == 0)
            return true;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
