// LaMP's seven tasks (arXiv 2304.11406), task 2 in both of its forms, in the order of the benchmark.
import { citation } from './citation.ts';
import { emailSubject } from './email-subject.ts';
import { movieRating } from './movie-rating.ts';
import { movieTagTask } from './movie-tag.ts';
import { newsCategory } from './news-category.ts';
import { newsHeadline } from './news-headline.ts';
import { paperTitle } from './paper-title.ts';
import type { Task } from './task.ts';
import { tweetParaphrase } from './tweet-paraphrase.ts';

/** The tasks of LaMP; those that do not ship can be given to an engine as the application's own. */
export const lampTasks: readonly Task[] = [
  citation,
  movieTagTask(),
  newsCategory,
  movieRating,
  newsHeadline,
  paperTitle,
  emailSubject,
  tweetParaphrase,
];
