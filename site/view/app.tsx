import type { DemoProps } from './demo-props.ts';
import { AnswerPair } from './answer-pair.tsx';
import { AskForm } from './ask-form.tsx';
import { FailureNotice } from './failure-notice.tsx';
import { Header } from './header.tsx';
import { HistoryPanel } from './history-panel.tsx';
import { JobBar } from './job-bar.tsx';
import { MachinePanel } from './machine-panel.tsx';
import { RequestsPanel } from './requests-panel.tsx';
import { RetrievedPanel } from './retrieved-panel.tsx';
import { TrainingPanel } from './training-panel.tsx';
import { WeightsPanel } from './weights-panel.tsx';

export function App({ demo }: DemoProps) {
  return (
    <>
      <a class="skip" href="#input">
        Skip to the input
      </a>
      <Header demo={demo} />
      <FailureNotice demo={demo} />
      <main>
        <HistoryPanel demo={demo} />
        <div class="desk">
          <AskForm demo={demo} />
          <AnswerPair demo={demo} />
          <RetrievedPanel demo={demo} />
          <WeightsPanel demo={demo} />
          <TrainingPanel demo={demo} />
        </div>
      </main>
      <footer>
        <MachinePanel demo={demo} />
        <RequestsPanel demo={demo} />
      </footer>
      <JobBar demo={demo} />
    </>
  );
}
