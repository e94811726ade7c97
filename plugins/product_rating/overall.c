/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "product_rating.h"

/*
 * The tone is a mean of what is said, weighted by its place and shrunk toward 0 where little is said:
 *   sum(w v) / (HEIGHT sum(w |v|) + BREADTH sum(w) + DOUBT)
 */
static const float HEIGHT = 0.5f;
static const float BREADTH = 0.3f;
static const float DOUBT = 0.5f;

static float weight_of(const Hit *hit)
{
    static const float weights[] = {
        [CATEGORY_OVERALL] = 1,       [CATEGORY_ASPECT] = 1,        [CATEGORY_VERDICT] = 1.5f,
        [CATEGORY_COMPARISON] = 0.8f, [CATEGORY_EXPECTATION] = 1,   [CATEGORY_COMPLAINT] = 1,
        [CATEGORY_RESERVATION] = 1,   [CATEGORY_ENTHUSIASM] = 0.5f,
    };

    return hit->weight * (hit->concept != NO_CONCEPT ? weights[concept_at(hit->concept)->category] : 1);
}

Tone tone_of(const Hits *hits, uint32_t first_sentence, uint32_t last_sentence, const Review *review)
{
    Tone tone = {0};
    float sum = 0, height = 0, breadth = 0, most = -1;

    for (size_t i = 0; i < hits->count; i++) {
        const Hit *hit = &hits->items[i];
        uint32_t sentence = review->words[hit->word].sentence;
        float weight = weight_of(hit);

        if (sentence < first_sentence || sentence > last_sentence)
            continue;
        tone.hits++;
        tone.strongest = fmaxf(tone.strongest, fabsf(hit->valence) * fminf(hit->weight, 1));
        sum += weight * hit->valence;
        height += weight * fabsf(hit->valence);
        breadth += weight;
    }
    tone.value = sum / (HEIGHT * height + BREADTH * breadth + DOUBT);
    for (size_t i = 0; i < hits->count; i++) {
        const Hit *hit = &hits->items[i];
        uint32_t sentence = review->words[hit->word].sentence;
        float share = weight_of(hit) * hit->valence * (tone.value < 0 ? -1.0f : 1.0f);

        if (sentence < first_sentence || sentence > last_sentence || share <= most)
            continue;
        most = share;
        tone.carrier = (uint32_t)i;
    }
    return tone;
}
