// news_category: which of 29 sections would this user file an article under (LaMP-2N's kind of task).
import type { Task } from './task.ts';

/** The sections, sorted by name. The plug was trained on exactly these, and the golden answers use them. */
export const newsCategories = [
  'Arts & Culture',
  'Black Voices',
  'Business',
  'Comedy',
  'Crime',
  'Education',
  'Entertainment',
  'Environment',
  'Food & Drink',
  'Home & Living',
  'Impact',
  'Latino Voices',
  'Media',
  'Money',
  'Parenting',
  'Politics',
  'Queer Voices',
  'Religion',
  'Science',
  'Sports',
  'Style & Beauty',
  'Tech',
  'Travel',
  'U.S. News',
  'Weddings',
  'Weird News',
  'Wellness',
  'Women',
  'World News',
] as const;

export const newsCategory: Task = {
  name: 'news_category',
  prompt: (input) => `Which category does this article relate to? article: ${input}`,
  retrievedItem: ({ input, output }) => `the category for the article: "${input}" is "${output}"`,
  retrievedLead: '. ',
  choices: newsCategories,
  maximumNewTokens: 12,
  parse(text) {
    const trimmed = text.trim();
    return newsCategories.find((category) => category === trimmed) ?? null;
  },
};
